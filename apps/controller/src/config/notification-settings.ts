import { z } from 'zod';

/** How people and programs are told of alerts. */
export interface NotificationSettings {
  /** Undefined: no e-mail is sent. */
  readonly smtp: { readonly url: string; readonly from: string } | undefined;
  /** Whether webhooks may lead to loopback, link-local and private addresses, and be `http:`. */
  readonly allowPrivateWebhooks: boolean;
}

/** What the environment says of notifications. */
export const notificationEnvironment = {
  LONGHAUL_SMTP_URL: z
    .url({
      protocol: /^smtps?$/,
      error: 'must be smtp://user:password@host:587 or smtps://user:password@host:465',
    })
    .optional(),
  LONGHAUL_MAIL_FROM: z.email('must be an e-mail address').optional(),
  LONGHAUL_WEBHOOK_ALLOW_PRIVATE: z.enum(['true', 'false'], 'must be true or false').default('false'),
} as const;

type NotificationEnvironment = z.output<z.ZodObject<typeof notificationEnvironment>>;

/** @throws Error of one line that names the setting and says what to do */
export const readNotificationSettings = (values: NotificationEnvironment): NotificationSettings => {
  const { LONGHAUL_SMTP_URL: url, LONGHAUL_MAIL_FROM: from } = values;
  if (url !== undefined && from === undefined) {
    throw new Error('LONGHAUL_MAIL_FROM is not set: give the address that e-mail about alerts comes from');
  }
  return {
    smtp: url === undefined || from === undefined ? undefined : { url, from },
    allowPrivateWebhooks: values.LONGHAUL_WEBHOOK_ALLOW_PRIVATE === 'true',
  };
};
