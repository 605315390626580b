import { Command } from 'commander';
import type { ApiClient } from '../api-client.js';
import { findOne } from '../find.js';
import { operations, type Delivery, type Webhook } from '../operations.js';
import { formatTable, print, shortTime, type Column, type OutputOptions } from '../output.js';
import { signedIn, upperCaseChoice } from './context.js';

const COLUMNS: readonly Column<Webhook>[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'ON', cell: ({ enabled }) => (enabled ? 'yes' : 'no') },
  { head: 'URL', cell: ({ url }) => url },
  { head: 'FORMER SECRET UNTIL', cell: ({ rotationEndsAt }) => shortTime(rotationEndsAt) },
  { head: 'ID', cell: ({ id }) => id },
];

const DELIVERY_COLUMNS: readonly Column<Delivery>[] = [
  { head: 'CREATED (UTC)', cell: ({ createdAt }) => shortTime(createdAt) },
  { head: 'EVENT', cell: ({ event }) => event },
  { head: 'TO', cell: ({ webhook, email }) => webhook?.name ?? email },
  { head: 'STATE', cell: ({ state }) => state.toLowerCase() },
  { head: 'ATTEMPTS', cell: ({ attempts }) => attempts },
  { head: 'LAST', cell: ({ log }) => log.at(-1)?.error ?? log.at(-1)?.status },
  { head: 'AGAIN (UTC)', cell: ({ dueAt }) => shortTime(dueAt) },
  { head: 'ID', cell: ({ id }) => id },
];

const DELIVERY_STATES = ['pending', 'delivered', 'failed'];

/** `longhaul webhooks …` */
export function webhooksCommand(): Command {
  return new Command('webhooks')
    .description('where notifications are posted to, and what became of them')
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(switchCommand('enable', true))
    .addCommand(switchCommand('disable', false))
    .addCommand(rotateCommand())
    .addCommand(testCommand())
    .addCommand(deleteCommand())
    .addCommand(deliveriesCommand())
    .addCommand(redeliverCommand());
}

async function findWebhook(api: ApiClient, wanted: string): Promise<Webhook> {
  return findOne('webhook', wanted, await api.all(operations.webhooks), ({ name }) => name);
}

function listCommand(): Command {
  return new Command('list')
    .description('by name')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const webhooks = await (await signedIn()).all(operations.webhooks);
      print(webhooks, options, () => formatTable(webhooks, COLUMNS));
    });
}

const SHOWN_ONCE = 'The receiver checks signatures by this secret; it is shown this once:';

function createCommand(): Command {
  return new Command('create')
    .argument('<name>', 'what people call it')
    .requiredOption('--url <url>', 'https://…, where to post to')
    .option('--json', 'print as JSON')
    .action(async (name: string, args: OutputOptions & { readonly url: string }) => {
      const input = { name, url: args.url };
      const { createWebhook: made } = await (await signedIn()).call(operations.createWebhook, { input });
      print(made, args, () => `${SHOWN_ONCE}\n\n${made.secret}`);
    });
}

function switchCommand(name: string, enabled: boolean): Command {
  return new Command(name)
    .description(enabled ? 'has notifications sent there' : 'has nothing sent there; what waits fails')
    .argument('<webhook>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const { id } = await findWebhook(api, wanted);
      const { updateWebhook: webhook } = await api.call(operations.updateWebhook, { id, input: { enabled } });
      print(webhook, options, () => `Webhook ${webhook.name} is switched ${enabled ? 'on' : 'off'}.`);
    });
}

function rotateCommand(): Command {
  return new Command('rotate-secret')
    .description('gives it a new secret; for a day the former one signs besides')
    .argument('<webhook>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const { id } = await findWebhook(api, wanted);
      const { rotateWebhookSecret: made } = await api.call(operations.rotateWebhookSecret, { id });
      print(made, options, () => `${SHOWN_ONCE}\n\n${made.secret}`);
    });
}

function testCommand(): Command {
  return new Command('test')
    .description('has a test message sent; "webhooks deliveries" tells what became of it')
    .argument('<webhook>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const { id } = await findWebhook(api, wanted);
      const { testWebhook: delivery } = await api.call(operations.testWebhook, { id });
      print(delivery, options, () => `A test is on its way (${delivery.id}).`);
    });
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('with its log; rules that name it go on without it')
    .argument('<webhook>', 'name or id')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const { id, name } = await findWebhook(api, wanted);
      await api.call(operations.deleteWebhook, { id });
      print({ id, name, deleted: true }, options, () => `Webhook ${name} is deleted.`);
    });
}

function deliveriesCommand(): Command {
  return new Command('deliveries')
    .description('notifications to webhooks and by e-mail, the newest first')
    .option('--webhook <webhook>', 'only those to it; name or id')
    .addOption(upperCaseChoice('--state <state>', 'only those that stand so', DELIVERY_STATES))
    .option('--json', 'print as JSON')
    .action(
      async ({
        json,
        webhook,
        state,
      }: OutputOptions & { readonly webhook?: string; readonly state?: string }) => {
        const api = await signedIn();
        const webhookId = webhook === undefined ? undefined : (await findWebhook(api, webhook)).id;
        const deliveries = await api.all(operations.deliveries, { webhookId, state });
        print(deliveries, { json }, () => formatTable(deliveries, DELIVERY_COLUMNS));
      },
    );
}

function redeliverCommand(): Command {
  return new Command('redeliver')
    .description('sends a notification again as it was')
    .argument('<delivery>', 'id, or its beginning')
    .option('--json', 'print as JSON')
    .action(async (wanted: string, options: OutputOptions) => {
      const api = await signedIn();
      const { id } = findOne(
        'delivery',
        wanted,
        await api.all(operations.deliveries),
        (delivery) => delivery.id,
      );
      const { redeliver: delivery } = await api.call(operations.redeliver, { id });
      print(delivery, options, () => `It is on its way again (${delivery.id}).`);
    });
}
