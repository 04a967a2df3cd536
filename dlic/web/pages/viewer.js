// The viewer: shows a .dlic file that is dropped, opened, or named in the address as #photo.dlic.
import "../element.js";
import { start } from "./stage.js";

const named = decodeURIComponent(location.hash.slice(1));
const shown = start();
if (named) shown.fetch(new URL(named, location.href).href, named.split("/").pop());
