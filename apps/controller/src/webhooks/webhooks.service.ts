import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { audit } from '../audit/audit.js';
import { SETTINGS } from '../config/config.module.js';
import type { Settings } from '../config/settings.js';
import type { Transaction } from '../database/prisma.js';
import type { Delivery, Prisma, Webhook as WebhookRow } from '../generated/prisma/client.js';
import { ApiError, notFound } from '../graphql/errors.js';
import { ascending, Keyset } from '../graphql/keyset.js';
import type { PageArgs } from '../graphql/page.model.js';
import { readCountedPage, type PageQuery } from '../graphql/read-page.js';
import type { RequestContext } from '../graphql/request-context.js';
import { nameSchema, parseInput, requireId } from '../graphql/validation.js';
import { newDelivery } from '../notifications/new-delivery.js';
import { parseTarget } from '../notifications/target-address.js';
import { createWebhookSecret, SecretSeal } from './sealed-secret.js';
import type {
  CreateWebhookInput,
  UpdateWebhookInput,
  Webhook,
  WebhookConnection,
  WebhookWithSecret,
} from './webhook.model.js';

/** Of one organization. */
const MAX_WEBHOOKS = 50;
const MAX_URL = 2000;
/** For so long the former secret signs too, in milliseconds: a day. */
const ROTATION_MS = 24 * 3600 * 1000;

const BY_NAME = new Keyset('webhooks', [ascending('name', 'text'), ascending('id', 'id')]);

type WebhooksQuery = PageQuery<Prisma.WebhookWhereInput, Prisma.WebhookOrderByWithRelationInput>;

/** What of a webhook may be shown. */
const toWebhook = ({ previousSecretUntil, ...row }: WebhookRow): Webhook => ({
  id: row.id,
  name: row.name,
  url: row.url,
  enabled: row.enabled,
  rotationEndsAt:
    previousSecretUntil !== null && previousSecretUntil > new Date() ? previousSecretUntil : null,
  createdAt: row.createdAt,
});

@Injectable()
export class WebhooksService {
  private readonly urlSchema: z.ZodType<string>;

  constructor(
    private readonly seal: SecretSeal,
    @Inject(SETTINGS) { notifications }: Settings,
  ) {
    const rules = { allowPrivate: notifications.allowPrivateWebhooks };
    this.urlSchema = z
      .string()
      .max(MAX_URL)
      .transform((text, context) => {
        try {
          return parseTarget(text.trim(), rules).href;
        } catch (error) {
          context.addIssue(error instanceof Error ? error.message : String(error));
          return z.NEVER;
        }
      });
  }

  async list(context: RequestContext, page: PageArgs): Promise<WebhookConnection> {
    return readCountedPage(BY_NAME, page, {
      where: { organizationId: context.organizationId },
      find: (query: WebhooksQuery) => context.read((tx) => tx.webhook.findMany(query)),
      count: (query) => context.read((tx) => tx.webhook.count(query)),
      toNode: toWebhook,
    });
  }

  async create(context: RequestContext, input: CreateWebhookInput): Promise<WebhookWithSecret> {
    const { name, url } = parseInput(z.object({ name: nameSchema, url: this.urlSchema }), input);
    const { organizationId, principal } = context;
    const id = randomUUID();
    const secret = createWebhookSecret();
    return context.write(async (tx) => {
      await lockWebhooks(tx, organizationId);
      if ((await tx.webhook.count({ where: { organizationId } })) >= MAX_WEBHOOKS) {
        throw new ApiError(
          'CONFLICT',
          `There are ${String(MAX_WEBHOOKS)} webhooks, as many as may be: delete one first.`,
        );
      }
      await assertDistinct(tx, organizationId, name, id);
      const row = await tx.webhook.create({
        data: { organizationId, id, name, url, secretSealed: this.seal.seal(secret, id) },
      });
      const webhook = toWebhook(row);
      await audit(tx, organizationId, principal, { action: 'webhook.create', targetId: id, after: webhook });
      return { webhook, secret };
    });
  }

  async update(context: RequestContext, id: string, input: UpdateWebhookInput): Promise<Webhook> {
    const given = parseInput(
      z.object({ name: nameSchema.nullish(), url: this.urlSchema.nullish(), enabled: z.boolean().nullish() }),
      input,
    );
    return this.change(context, id, 'webhook.update', async (tx, before) => {
      const { organizationId } = context;
      const data = {
        name: given.name ?? before.name,
        url: given.url ?? before.url,
        enabled: given.enabled ?? before.enabled,
      };
      await assertDistinct(tx, organizationId, data.name, before.id);
      return data;
    });
  }

  /**
   * The former secret signs beside the new one for a day; one that was former already is good no longer, nor is one that
   * was sealed with another session secret.
   */
  async rotateSecret(context: RequestContext, id: string): Promise<WebhookWithSecret> {
    const secret = createWebhookSecret();
    const webhook = await this.change(context, id, 'webhook.rotate-secret', (_tx, before) => {
      const canSign = this.seal.opens(before.secretSealed, before.id);
      return Promise.resolve({
        secretSealed: this.seal.seal(secret, before.id),
        previousSecretSealed: canSign ? before.secretSealed : null,
        previousSecretUntil: canSign ? new Date(Date.now() + ROTATION_MS) : null,
      });
    });
    return { webhook, secret };
  }

  /** Rules that name it go on without it; its log goes with it. */
  async delete(context: RequestContext, idGiven: string): Promise<boolean> {
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await lockWebhooks(tx, organizationId);
      const row = await find(tx, organizationId, idGiven);
      await tx.webhook.delete({ where: { organizationId_id: { organizationId, id: row.id } } });
      await audit(tx, organizationId, principal, {
        action: 'webhook.delete',
        targetId: row.id,
        before: toWebhook(row),
      });
      return true;
    });
  }

  /** Has a message sent there that says that it is a test. */
  async test(context: RequestContext, idGiven: string): Promise<Delivery> {
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      const { id, name, enabled } = await find(tx, organizationId, idGiven);
      if (!enabled) throw new ApiError('CONFLICT', 'The webhook is switched off: switch it on first.');
      const organization = await tx.organization.findUniqueOrThrow({ where: { id: organizationId } });
      const now = new Date();
      const delivery = await tx.delivery.create({
        data: newDelivery({
          organizationId,
          event: 'webhook.test',
          alertIds: [],
          payload: {
            type: 'webhook.test',
            timestamp: now.toISOString(),
            data: { organization: { id: organizationId, name: organization.name }, webhook: { id, name } },
          },
          webhookId: id,
          email: null,
          now,
        }),
      });
      await audit(tx, organizationId, principal, { action: 'webhook.test', targetId: id, after: { name } });
      return delivery;
    });
  }

  private async change(
    context: RequestContext,
    idGiven: string,
    action: string,
    decide: (tx: Transaction, before: WebhookRow) => Promise<Prisma.WebhookUncheckedUpdateInput>,
  ): Promise<Webhook> {
    const { organizationId, principal } = context;
    return context.write(async (tx) => {
      await lockWebhooks(tx, organizationId);
      const before = await find(tx, organizationId, idGiven);
      const data = await decide(tx, before);
      const row = await tx.webhook.update({
        where: { organizationId_id: { organizationId, id: before.id } },
        data,
      });
      const after = toWebhook(row);
      await audit(tx, organizationId, principal, {
        action,
        targetId: row.id,
        before: toWebhook(before),
        after,
      });
      return after;
    });
  }
}

/** Changes of an organization's webhooks wait for each other. */
const lockWebhooks = async (tx: Transaction, organizationId: string): Promise<void> => {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`webhooks of ${organizationId}`}, 0))::text`;
};

const find = async (tx: Transaction, organizationId: string, idGiven: string): Promise<WebhookRow> => {
  const id = requireId('webhook', idGiven);
  const row = await tx.webhook.findUnique({ where: { organizationId_id: { organizationId, id } } });
  if (row === null) throw notFound('webhook', id);
  return row;
};

const assertDistinct = async (
  tx: Transaction,
  organizationId: string,
  name: string,
  ownId: string,
): Promise<void> => {
  const twin = await tx.webhook.findFirst({ where: { organizationId, name } });
  if (twin === null || twin.id === ownId) return;
  throw new ApiError('CONFLICT', `There is a webhook "${name}" already: choose another name.`);
};
