import { createTransport, type Transporter } from 'nodemailer';
import { z } from 'zod';
import type { AttemptResult } from './attempt.js';

/** From the connection to the server's last word, in milliseconds. */
const MAIL_TIMEOUT_MS = 30_000;
/** SMTP's answers that say that trying again is of no use: RFC 5321, 4.2.1. */
const PERMANENT = 500;

/** What of a notification an e-mail tells. */
const noticeSchema = z.object({
  type: z.string(),
  data: z.object({
    organization: z.object({ name: z.string() }),
    rule: z.object({ name: z.string(), severity: z.string() }),
    alerts: z.array(z.object({ summary: z.string(), firingSince: z.string().nullable() })),
    total: z.number(),
    url: z.string(),
  }),
});

/** A notification for one person. */
export interface MailMessage {
  /** The same in every attempt: of it the Message-ID is made, by which mail programs know what they have. */
  readonly id: string;
  readonly to: string;
  readonly payload: unknown;
}

/** Sends mail over SMTP. */
export class Mailer {
  private readonly transport: Transporter;

  /**
   * @param url `smtp://user:password@host:587` (with STARTTLS where the server has it) or `smtps://…`
   * @param from the sender's address
   */
  constructor(
    url: string,
    private readonly from: string,
    timeoutMs = MAIL_TIMEOUT_MS,
  ) {
    this.transport = createTransport({
      url,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as Parameters<typeof createTransport>[0]);
  }

  /** Sends one message to one person. Never rejects. */
  async send({ id, to, payload }: MailMessage): Promise<AttemptResult> {
    try {
      const { response } = (await this.transport.sendMail({
        from: this.from,
        to: { name: '', address: to },
        messageId: `<${id}@${domainOf(this.from)}>`,
        ...compose(payload),
        // RFC 3834: nobody's vacation is to answer.
        headers: { 'Auto-Submitted': 'auto-generated' },
      })) as { response: string };
      return { status: codeOf(response), response, error: null, isFinal: false };
    } catch (error) {
      const { responseCode, response, message } = error as Error & {
        responseCode?: number;
        response?: string;
      };
      return {
        status: responseCode ?? null,
        response: response ?? null,
        error: message,
        isFinal: responseCode !== undefined && responseCode >= PERMANENT,
      };
    }
  }

  close(): void {
    this.transport.close();
  }
}

const codeOf = (response: string): number | null => Number(/^\d{3}/.exec(response)?.[0] ?? NaN) || null;

const domainOf = (address: string): string => /@([^\s>]+)/.exec(address)?.[1] ?? 'longhaul.invalid';

/** Names that people gave must not break lines of a header, or steer who reads. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\s]+/gu, ' ').trim();

/** Subject and plain text of a notification. */
export const compose = (payload: unknown): { subject: string; text: string } => {
  const { type, data } = noticeSchema.parse(payload);
  const { organization, rule, alerts, total, url } = data;
  const head = type === 'alert.resolved' ? 'Resolved' : rule.severity;
  const what = total === 1 ? (alerts[0]?.summary ?? rule.name) : `${rule.name} (${String(total)})`;
  const lines = alerts.map(
    ({ summary, firingSince }) =>
      `- ${oneLine(summary)}${firingSince === null ? '' : ` Since ${firingSince.slice(0, 16).replace('T', ' ')} UTC.`}`,
  );
  const more = total > alerts.length ? [`… and ${String(total - alerts.length)} more.`] : [];
  return {
    subject: oneLine(`[Longhaul] ${head}: ${what}`),
    text: [
      `Organization: ${oneLine(organization.name)}`,
      `Rule: ${oneLine(rule.name)}`,
      '',
      ...lines,
      ...more,
      '',
      url,
      '',
    ].join('\n'),
  };
};
