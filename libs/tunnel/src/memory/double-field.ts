/**
 * The zero that a field begins with if it will hold times, rates, or counts that pass 2³¹. V8 lays small integers and
 * other numbers out differently: a field that begins with `0` and holds 0.5 or 3 000 000 000 later changes the hidden
 * class of its objects, and everything that was compiled for them is thrown away in the middle of a transfer. `-0` is
 * not a small integer, and counts like any zero; added to a small integer it makes a double of that.
 */
export const DOUBLE_ZERO = -0;

/** As {@link DOUBLE_ZERO}, where there is nothing yet. */
export const DOUBLE_MINUS_ONE = -1 + DOUBLE_ZERO;
