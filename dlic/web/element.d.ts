import type { DlicError } from "./dlic.js";

/**
 * `<dlic-img src alt width height paused>`. Events: "preview", "load", "error" (a CustomEvent whose detail is a DlicError); of
 * progressive pictures also "partial" (detail: { bytes }), of sequences "play", "pause", "ended" and "timeupdate".
 */
export class DlicImage extends HTMLElement {
  src: string;
  alt: string;
  readonly complete: boolean;
  readonly naturalWidth: number;
  readonly naturalHeight: number;
  /** Shows a file's bytes. */
  show(bytes: Uint8Array): Promise<void>;
  /** The picture as a PNG file. */
  toBlob(): Promise<Blob>;
  /** Of a sequence; nothing happens with other pictures. */
  play(): void;
  pause(): void;
  readonly paused: boolean;
  readonly ended: boolean;
  /** Seconds; 0 for pictures that do not move. Setting it seeks. */
  currentTime: number;
  readonly duration: number;
  addEventListener(type: "error", listener: (event: CustomEvent<DlicError>) => void): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

/** Defines the element; importing the module defines <dlic-img>. */
export function define(name?: string): void;

declare global {
  interface HTMLElementTagNameMap {
    "dlic-img": DlicImage;
  }
}
