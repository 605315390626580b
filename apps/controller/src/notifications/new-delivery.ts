import type { Prisma } from '../generated/prisma/client.js';

/** How long a delivery is tried, in milliseconds: a day. */
export const DELIVERY_LIFE_MS = 24 * 3600 * 1000;

export type DeliveryEvent = 'alert.firing' | 'alert.resolved' | 'webhook.test';

/** A delivery as it is stored first: due at once. */
export type NewDelivery = Prisma.DeliveryCreateManyInput;

export const newDelivery = ({
  now,
  ...delivery
}: {
  readonly organizationId: string;
  readonly event: DeliveryEvent;
  readonly alertIds: string[];
  readonly payload: Prisma.InputJsonObject;
  /** Either of the two. */
  readonly webhookId: string | null;
  readonly email: string | null;
  readonly now: Date;
}): NewDelivery => ({
  ...delivery,
  dueAt: now,
  createdAt: now,
  expiresAt: new Date(now.getTime() + DELIVERY_LIFE_MS),
});
