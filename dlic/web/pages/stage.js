// What all pages that show one picture do: stage, facts, zoom, saving, files that are opened or dropped.

const at = (id) => document.getElementById(id);

export function start() {
  const stage = new Stage();
  at("zoom").addEventListener("click", () => stage.zoom());
  at("save").addEventListener("click", () => stage.save());
  at("open")?.addEventListener("click", () => at("file").click());
  at("file")?.addEventListener("change", ({ target }) => target.files[0] && stage.open(target.files[0]));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    at("stage").classList.add("dropping");
  });
  addEventListener("dragleave", (event) => event.relatedTarget ?? at("stage").classList.remove("dropping"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    at("stage").classList.remove("dropping");
    const file = event.dataTransfer.files[0];
    if (file) stage.open(file);
  });
  return stage;
}

class Stage {
  #name = "picture";
  #image = null;

  async open(file) {
    await this.show(new Uint8Array(await file.arrayBuffer()), file.name);
  }

  async fetch(url, name) {
    this.#tell(`loading ${name}`);
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${name} cannot be loaded: ${response.status} ${response.statusText}`);
      await this.show(new Uint8Array(await response.arrayBuffer()), name);
    } catch (error) {
      if (!this.#image) this.#fail(error);
    }
  }

  /** Shows the bytes of a .dlic file. */
  async show(bytes, name) {
    const image = document.createElement("dlic-img");
    image.alt = name;
    this.#put(image, name);
    const begin = performance.now();
    let preview = "";
    image.addEventListener("preview", () => (preview = `, preview after ${(performance.now() - begin).toFixed(0)} ms`));
    this.#tell(`decoding ${bytes.length.toLocaleString("en")} bytes`);
    try {
      await image.show(bytes);
      this.#ready(image, bytes.length, `${(performance.now() - begin).toFixed(0)} ms${preview}`);
    } catch (error) {
      image.remove();
      this.#fail(error);
    }
  }

  /** Shows a PNG. `size` is that of the file it was made from. */
  async showImage(url, name, size) {
    const image = new Image();
    image.alt = name;
    image.src = url;
    await image.decode();
    this.#put(image, name);
    this.#ready(image, size, "decoded on this computer");
  }

  zoom() {
    const actual = at("stage").classList.toggle("actual");
    at("zoom").setAttribute("aria-pressed", actual);
  }

  async save() {
    const made = this.#image.toBlob ? URL.createObjectURL(await this.#image.toBlob()) : null;
    const link = document.createElement("a");
    link.href = made ?? this.#image.src;
    link.download = `${this.#name.replace(/\.dlic$/i, "")}.png`;
    link.click();
    setTimeout(() => made && URL.revokeObjectURL(made), 60_000);
  }

  #put(image, name) {
    this.#name = name;
    this.#image = image;
    at("zoom").disabled = at("save").disabled = true;
    at("name").textContent = document.title = name;
    at("stage").replaceChildren(image);
  }

  #ready({ naturalWidth: width, naturalHeight: height, duration = 0 }, size, remark) {
    const rate = duration ? `${duration.toFixed(2)} s, ${(size / 125 / duration).toFixed(0)} kbit/s` : `${((8 * size) / (width * height)).toFixed(3)} bpp`;
    this.#tell(`${width} × ${height}, ${size.toLocaleString("en")} bytes, ${rate}, ${remark}`);
    at("zoom").disabled = at("save").disabled = false;
  }

  #tell(sentence) {
    at("facts").classList.remove("error");
    at("facts").textContent = sentence;
  }

  #fail(error) {
    at("facts").classList.add("error");
    at("facts").textContent = error.message;
  }
}
