// What <dlic-img> adds to a picture that moves: a player, a button, and rest while nobody can see it.
import { Player } from "./player.js";

const STYLE = `
:host { position: relative }
button { position: absolute; inset: auto auto 8px 8px; width: 36px; height: 36px; padding: 0; border: 0; border-radius: 50%;
  background: #000a; color: #fff; font: 14px/36px system-ui, sans-serif; cursor: pointer; opacity: 0; transition: opacity 0.15s }
button[data-paused], button:focus-visible, :host(:hover) button { opacity: 1 }
`;
const FORWARDED = ["ended", "timeupdate", "error"]; // "play" and "pause" of the player are also those of rest

export class Playback {
  #button = document.createElement("button");
  #observer = new IntersectionObserver(([{ isIntersecting }]) => this.#look({ isOnScreen: isIntersecting }));
  #isOnScreen = true;
  #wanted = false; // playing, as far as people are concerned
  #lookAgain = () => this.#look({});

  /** Shows the frames of a sequence in an element by `paint(frame)`, and sends the events of `Player` from it. */
  constructor(element, root, sequence, paint) {
    this.element = element;
    this.player = new Player(sequence, paint);
    this.player.addEventListener("ended", () => this.#want(false));
    for (const type of FORWARDED) this.player.addEventListener(type, (event) => this.#forward(event));
    this.#button.type = "button";
    this.#button.part = "play";
    this.#button.addEventListener("click", () => (this.paused ? this.play() : this.pause()));
    this.style = new CSSStyleSheet();
    this.style.replaceSync(STYLE);
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, this.style];
    root.append(this.#button);
    this.#observer.observe(element);
    document.addEventListener("visibilitychange", this.#lookAgain);
    this.#want(false);
  }

  get paused() {
    return !this.#wanted;
  }

  play() {
    if (!this.paused) return;
    this.#want(true);
    this.element.dispatchEvent(new Event("play"));
  }

  pause() {
    if (this.paused) return;
    this.#want(false);
    this.element.dispatchEvent(new Event("pause"));
  }

  /** Ends it and takes its button away. */
  end() {
    this.player.pause();
    this.#observer.disconnect();
    document.removeEventListener("visibilitychange", this.#lookAgain);
    this.#button.remove();
  }

  #want(wanted) {
    this.#wanted = wanted;
    this.#button.toggleAttribute("data-paused", !wanted);
    this.#button.textContent = wanted ? "\u275a\u275a" : "\u25b6\ufe0e";
    this.#button.setAttribute("aria-label", wanted ? "Pause" : "Play");
    this.#look({});
  }

  #look({ isOnScreen = this.#isOnScreen }) {
    this.#isOnScreen = isOnScreen;
    if (this.#wanted && isOnScreen && !document.hidden) this.player.play();
    else this.player.pause();
  }

  #forward({ type, detail }) {
    this.element.dispatchEvent(detail ? new CustomEvent(type, { detail }) : new Event(type));
  }
}
