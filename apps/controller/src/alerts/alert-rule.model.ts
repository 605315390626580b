import {
  Field,
  Float,
  GraphQLISODateTime,
  HideField,
  ID,
  InputType,
  Int,
  ObjectType,
  registerEnumType,
} from '@nestjs/graphql';
import { AlertKind, AlertSeverity } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

registerEnumType(AlertKind, {
  name: 'AlertKind',
  description: 'What is watched.',
  valuesMap: {
    AGENT_DOWN: {
      description: 'An approved agent that was connected once is not connected. It holds or does not.',
    },
    LINK_LOSS: { description: 'Packets of a link that are lost, both ways, over two minutes, in %.' },
    LINK_RTT: { description: 'Mean round trip of a link over two minutes, in milliseconds.' },
    DRIFT: { description: 'A connected agent is not what it shall be. It holds or does not.' },
    NO_ACCELERATION: {
      description:
        'Connections of an agent in the last 5 minutes that the policy has accelerated and that went straight, or were refused, because there was no tunnel.',
    },
    TOKEN_ABUSE: {
      description:
        'Enrolments in the last 10 minutes that were refused because of one token; of no known token, or by the rate limit: of the organization that runs the controller.',
    },
  },
});

registerEnumType(AlertSeverity, {
  name: 'AlertSeverity',
  description: 'How bad it is.',
  valuesMap: {
    INFO: { description: 'Worth knowing.' },
    WARNING: { description: 'To be looked after in working hours.' },
    CRITICAL: { description: 'To be looked after now.' },
  },
});

@ObjectType({ description: 'A webhook that a rule names; its address is for admins.' })
export class NotifiedWebhook {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'What people call it.' })
  name: string;

  @Field({ description: 'Whether anything is sent there.' })
  enabled: boolean;
}

@ObjectType({ description: 'When somebody is to be told of what.' })
export class AlertRule {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'Unique in the organization.' })
  name: string;

  @Field(() => AlertKind, { description: 'What it watches.' })
  kind: AlertKind;

  @Field({ description: 'Whether it watches.' })
  enabled: boolean;

  @Field(() => AlertSeverity, { description: 'Of its alerts.' })
  severity: AlertSeverity;

  @Field(() => String, { nullable: true, description: 'It watches sites that carry this label only.' })
  siteLabel: string | null;

  @HideField()
  siteId: string | null;

  @Field(() => Float, {
    description: 'The condition holds at this value or more; 1 of what holds or does not.',
  })
  threshold: number;

  @Field(() => Float, {
    description: 'The condition is away at this value or less, if that is below the threshold.',
  })
  clearThreshold: number;

  @Field(() => Int, { description: 'Seconds for which it has to hold before an alert fires.' })
  forSeconds: number;

  @Field(() => Int, { description: 'Seconds for which it has to be away before an alert is resolved.' })
  clearForSeconds: number;

  @Field(() => Int, {
    nullable: true,
    description: 'Seconds after which an alert that nobody acknowledged is told of again; null: once.',
  })
  repeatSeconds: number | null;

  @Field(() => [String], { description: 'Addresses that get e-mail.' })
  emails: string[];

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Nobody is told that its alerts fire before this time.',
  })
  silencedUntil: Date | null;

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt: Date;
}

@ObjectType({ description: 'A page of alert rules, by name.' })
export class AlertRuleConnection extends countedConnectionOf(AlertRule) {}

@InputType({ isAbstract: true })
abstract class RuleSettings {
  @Field(() => Boolean, { nullable: true, description: 'Whether it watches.' })
  enabled?: boolean | null;

  @Field(() => String, {
    nullable: true,
    description: 'Sites that carry this label only. Give a label or a site, not both.',
  })
  siteLabel?: string | null;

  @Field(() => ID, { nullable: true, description: 'This site only; of links, those to it.' })
  siteId?: string | null;

  @Field(() => Float, {
    nullable: true,
    description: 'More than 0, in the unit of the kind; to be left out for what holds or does not.',
  })
  threshold?: number | null;

  @Field(() => Float, { nullable: true, description: '0 to the threshold.' })
  clearThreshold?: number | null;

  @Field(() => Int, { nullable: true, description: '0 to 86400 seconds.' })
  forSeconds?: number | null;

  @Field(() => Int, { nullable: true, description: '0 to 86400 seconds.' })
  clearForSeconds?: number | null;

  @Field(() => Int, { nullable: true, description: '60 to 604800 seconds; null: told once.' })
  repeatSeconds?: number | null;

  @Field(() => [ID], { nullable: true, description: 'Webhooks that are told, at most 20.' })
  webhookIds?: string[] | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Addresses that get e-mail, at most 20; the controller needs a mail server.',
  })
  emails?: string[] | null;
}

@InputType({ description: 'An alert rule to make. What is left out is as in the default rule of the kind.' })
export class CreateAlertRuleInput extends RuleSettings {
  @Field({ description: '1 to 100 characters, unique in the organization.' })
  name: string;

  @Field(() => AlertKind, { description: 'What it watches; it stays.' })
  kind: AlertKind;

  @Field(() => AlertSeverity, { nullable: true, description: 'Of its alerts.' })
  severity?: AlertSeverity | null;
}

@InputType({
  description:
    'What to change of an alert rule. Fields that are left out stay; null clears label, site and repetition, and empties lists.',
})
export class UpdateAlertRuleInput extends RuleSettings {
  @Field(() => String, { nullable: true, description: '1 to 100 characters, unique in the organization.' })
  name?: string | null;

  @Field(() => AlertSeverity, { nullable: true, description: 'Of its next alerts.' })
  severity?: AlertSeverity | null;
}
