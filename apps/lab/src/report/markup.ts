/** Text that is markup already; everything else is escaped where it meets `markup`. */
export class Markup {
  constructor(readonly source: string) {}

  toString(): string {
    return this.source;
  }
}

type Part = Markup | string | number | readonly Part[] | undefined;

/** Markup with its values escaped; `Markup` values and lists of them go in as they are, undefined as nothing. */
export function markup(literals: TemplateStringsArray, ...values: readonly Part[]): Markup {
  return new Markup(literals.reduce((text, literal, i) => text + sourceOf(values[i - 1]) + literal));
}

function sourceOf(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Markup) return part.source;
  if (typeof part === 'object') return part.map(sourceOf).join('\n');
  return escapeText(String(part));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
