// The page of `dlic view`: shows one file, and tells the server when it is closed.
import "../element.js";
import { start } from "./stage.js";

const { name, kind, size } = JSON.parse(document.getElementById("picture").textContent);
const stage = start();
const url = new URL("picture", location.href).href;
if (kind === "dlic") stage.fetch(url, name);
else stage.showImage(url, name, size);
fetch("alive").catch(() => {}); // stays open as long as the page does
