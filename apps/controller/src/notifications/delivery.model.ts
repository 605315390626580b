import {
  Field,
  GraphQLISODateTime,
  HideField,
  ID,
  InputType,
  Int,
  ObjectType,
  registerEnumType,
} from '@nestjs/graphql';
import { DeliveryState } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

registerEnumType(DeliveryState, {
  name: 'DeliveryState',
  description: 'Where a delivery stands.',
  valuesMap: {
    PENDING: { description: 'It is to be tried (again).' },
    DELIVERED: { description: 'It was taken.' },
    FAILED: { description: 'It was given up, after a day or because trying again is of no use.' },
  },
});

@ObjectType({ description: 'What became of one attempt at a delivery.' })
export class DeliveryAttempt {
  @Field(() => Int, { description: '1, 2, 3 …' })
  number: number;

  @Field(() => GraphQLISODateTime, { description: 'When it began.' })
  at: Date;

  @Field(() => Int, { description: 'How long it took, in milliseconds.' })
  durationMs: number;

  @Field(() => Int, { nullable: true, description: 'Of HTTP or SMTP; null: there was no answer.' })
  status: number | null;

  @Field(() => String, { nullable: true, description: 'Why it failed; null: it did not.' })
  error: string | null;

  @Field(() => String, { nullable: true, description: 'The beginning of what was answered.' })
  response: string | null;
}

@ObjectType({ description: 'One notification to one webhook or address, and what became of it.' })
export class Delivery {
  @Field(() => ID, { description: 'Opaque; of a webhook, the webhook-id of every attempt.' })
  id: string;

  @Field({ description: '"alert.firing", "alert.resolved" or "webhook.test".' })
  event: string;

  @Field(() => [ID], { description: 'Alerts that it tells of.' })
  alertIds: string[];

  @HideField()
  webhookId: string | null;

  @Field(() => String, { nullable: true, description: 'The address, of e-mail.' })
  email: string | null;

  @Field(() => DeliveryState, { description: 'Where it stands.' })
  state: DeliveryState;

  @Field(() => Int, { description: 'How often it was tried.' })
  attempts: number;

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'When it is tried (again); null at the end.',
  })
  dueAt: Date | null;

  @Field(() => GraphQLISODateTime, { description: 'When it is given up.' })
  expiresAt: Date;

  @Field(() => GraphQLISODateTime, { description: 'When it was decided on.' })
  createdAt: Date;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it was taken or given up.' })
  finishedAt: Date | null;
}

@ObjectType({ description: 'A page of deliveries, the newest first.' })
export class DeliveryConnection extends countedConnectionOf(Delivery) {}

@InputType({ description: 'Which deliveries; all that is given has to hold.' })
export class DeliveryFilter {
  @Field(() => ID, { nullable: true, description: 'To this webhook.' })
  webhookId?: string | null;

  @Field(() => ID, { nullable: true, description: 'That tell of this alert.' })
  alertId?: string | null;

  @Field(() => DeliveryState, { nullable: true, description: 'Where it stands.' })
  state?: DeliveryState | null;
}
