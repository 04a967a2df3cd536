// The recipe for a picture with a fall-back: <img src="photo.jpg" data-dlic="photo.dlic"> becomes the .dlic picture where the
// browser can decode it. Its JPEG is not fetched again, and stays where anything fails.
import { upgradeImages } from "../upgrade.js";

upgradeImages();

for (const image of document.querySelectorAll("img[data-dlic]")) {
  const before = image.src;
  image.addEventListener("dlic-error", () => (image.src = before), { once: true });
  image.src = image.dataset.dlic;
}
