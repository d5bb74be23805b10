/** Rows of a CSV text (RFC 4180) that comes in pieces: quoted fields may hold commas, doubled quotes and line breaks. */

const START = 0;
const PLAIN = 1;
const QUOTED = 2;
/** A quote inside a quoted field: the field's end, or the first half of a doubled quote. */
const QUOTE_SEEN = 3;

export class CsvReader {
  #state = START;
  #field = '';
  #row: string[] = [];

  /** The rows that this piece completes. */
  rows(piece: string): string[][] {
    const rows: string[][] = [];
    for (const char of piece) {
      if (this.#state === QUOTED) {
        if (char === '"') this.#state = QUOTE_SEEN;
        else this.#field += char;
      } else if (char === '"' && this.#state !== PLAIN) {
        if (this.#state === QUOTE_SEEN) this.#field += char;
        this.#state = QUOTED;
      } else if (char === ',') {
        this.#endField();
      } else if (char === '\n') {
        rows.push(this.#endRow());
      } else if (char !== '\r') {
        if (this.#state === QUOTE_SEEN) throw new Error(`text after a closing quote: "${this.#field}" then ${char}`);
        this.#field += char;
        this.#state = PLAIN;
      }
    }
    return rows;
  }

  /** The last row, where the text does not end with a line break. */
  end(): string[][] {
    if (this.#state === QUOTED) throw new Error(`the text ends inside a quoted field: "${this.#field.slice(0, 40)}"`);
    return this.#row.length === 0 && this.#state === START ? [] : [this.#endRow()];
  }

  #endField(): void {
    this.#row.push(this.#field);
    this.#field = '';
    this.#state = START;
  }

  #endRow(): string[] {
    this.#endField();
    const row = this.#row;
    this.#row = [];
    return row;
  }
}
