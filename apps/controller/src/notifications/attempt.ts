/** What became of one attempt at a delivery. */
export interface AttemptResult {
  /** Of HTTP or SMTP; null when there was no answer. */
  readonly status: number | null;
  /** The beginning of what was answered. */
  readonly response: string | null;
  /** Null: it was taken. */
  readonly error: string | null;
  /** Whether trying again is of no use. */
  readonly isFinal: boolean;
}
