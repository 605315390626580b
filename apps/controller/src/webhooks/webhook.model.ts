import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from '@nestjs/graphql';
import { countedConnectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'Where notifications are posted to.' })
export class Webhook {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'Unique in the organization.' })
  name: string;

  @Field({ description: 'Where it is posted to.' })
  url: string;

  @Field({ description: 'Whether anything is sent.' })
  enabled: boolean;

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Until then, messages are signed with the former secret, too.',
  })
  rotationEndsAt: Date | null;

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt: Date;
}

@ObjectType({ description: 'A page of webhooks, by name.' })
export class WebhookConnection extends countedConnectionOf(Webhook) {}

@ObjectType({ description: 'A webhook with its new secret.' })
export class WebhookWithSecret {
  @Field(() => Webhook, { description: 'The webhook.' })
  webhook: Webhook;

  @Field({ description: 'By which the receiver checks signatures, `whsec_…`; it is shown this once.' })
  secret: string;
}

@InputType({ description: 'A webhook to make.' })
export class CreateWebhookInput {
  @Field({ description: '1 to 100 characters, unique in the organization.' })
  name: string;

  @Field({ description: 'https://…, of the public internet unless the controller is set otherwise.' })
  url: string;
}

@InputType({ description: 'What to change of a webhook. Fields that are left out stay.' })
export class UpdateWebhookInput {
  @Field(() => String, { nullable: true, description: '1 to 100 characters, unique in the organization.' })
  name?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'https://…, of the public internet unless the controller is set otherwise.',
  })
  url?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether anything is sent; what waits when it is switched off fails.',
  })
  enabled?: boolean | null;
}
