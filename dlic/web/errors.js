// What cannot be shown, and why.

export class DlicError extends Error {
  /** `code`: "corrupt", "unsupported", "weights" (missing or damaged), "limit" (too many pixels, too little memory), "aborted". */
  constructor(message, code = "corrupt") {
    super(message);
    this.name = "DlicError";
    this.code = code;
  }
}

/** The decoder's sentences that do not speak of damage. */
export function errorOf(sentence) {
  if (/memory|larger than/.test(sentence)) return new DlicError(sentence, "limit");
  if (/does not know|another version|another kind|unknown to|needed to show/.test(sentence)) return new DlicError(sentence, "unsupported");
  if (/weights/.test(sentence)) return new DlicError(sentence, "weights");
  return new DlicError(sentence, "corrupt");
}
