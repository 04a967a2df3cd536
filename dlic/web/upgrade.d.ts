/** Shows `<img src="*.dlic">` of a page, now and later; returns a function that ends it. Images get "dlic-load" and "dlic-error". */
export function upgradeImages(root?: Document | Element, matches?: (url: string) => boolean): () => void;
