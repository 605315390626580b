import {
  Field,
  Float,
  GraphQLISODateTime,
  HideField,
  ID,
  InputType,
  ObjectType,
  registerEnumType,
} from '@nestjs/graphql';
import {
  AlertKind,
  AlertResolution,
  AlertSeverity,
  AlertState,
  AlertSubjectKind,
} from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

registerEnumType(AlertState, {
  name: 'AlertState',
  description: 'Where an alert stands.',
  valuesMap: {
    PENDING: { description: 'The condition holds, but not for long enough; nobody is told.' },
    FIRING: { description: 'It is so.' },
    RESOLVED: { description: 'It is over.' },
  },
});

registerEnumType(AlertSubjectKind, {
  name: 'AlertSubjectKind',
  description: 'What an alert is about.',
  valuesMap: {
    AGENT: { description: 'An agent.' },
    LINK: { description: 'A pair of sites.' },
    ENROLLMENT_TOKEN: { description: 'An enrolment token.' },
    ORGANIZATION: { description: 'The organization as a whole.' },
  },
});

registerEnumType(AlertResolution, {
  name: 'AlertResolution',
  description: 'Why an alert ended.',
  valuesMap: {
    CLEARED: { description: 'The condition was away for long enough.' },
    NO_DATA: { description: 'Nothing was known of the subject for an hour.' },
    GONE: { description: 'The subject is gone, or not one of the rule’s any more.' },
    RULE_ENDED: { description: 'The rule was switched off or deleted.' },
  },
});

@ObjectType({ description: 'One thing for which the condition of a rule holds or held.' })
export class Alert {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field(() => ID, { description: 'Of the rule, which may be gone.' })
  ruleId: string;

  @Field({ description: 'As the rule was called when it began.' })
  ruleName: string;

  @Field(() => AlertKind, { description: 'What is watched.' })
  kind: AlertKind;

  @Field(() => AlertSeverity, { description: 'How bad it is.' })
  severity: AlertSeverity;

  @Field(() => AlertState, { description: 'Where it stands.' })
  state: AlertState;

  @Field(() => AlertSubjectKind, { description: 'What it is about.' })
  subjectKind: AlertSubjectKind;

  @Field(() => ID, { description: 'Of the agent, link, enrolment token or organization.' })
  subjectId: string;

  @Field({ description: 'What people call that.' })
  subjectName: string;

  @HideField()
  siteIds: string[];

  @Field(() => Float, {
    description: 'In the unit of the kind, as it was last noted; 1 or 0 of what holds or does not.',
  })
  value: number;

  @Field({ description: 'One sentence that says what is the matter.' })
  summary: string;

  @Field(() => GraphQLISODateTime, { description: 'Since when the condition holds.' })
  pendingSince: Date;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it fired; null: not yet.' })
  firingSince: Date | null;

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Since when the condition is away, while it fires still.',
  })
  clearingSince: Date | null;

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Since when nothing is known of the subject, if that is so.',
  })
  missingSince: Date | null;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When it ended.' })
  resolvedAt: Date | null;

  @Field(() => AlertResolution, { nullable: true, description: 'Why it ended.' })
  resolution: AlertResolution | null;

  @Field(() => GraphQLISODateTime, { nullable: true, description: 'When somebody took it on.' })
  acknowledgedAt: Date | null;

  @Field(() => String, { nullable: true, description: 'Who did.' })
  acknowledgedBy: string | null;

  @Field(() => GraphQLISODateTime, {
    nullable: true,
    description: 'Nobody is told (again) that it fires before this time.',
  })
  silencedUntil: Date | null;
}

@ObjectType({ description: 'A page of alerts, the newest first.' })
export class AlertConnection extends countedConnectionOf(Alert) {}

@InputType({ description: 'Which alerts; all that is given has to hold.' })
export class AlertFilter {
  @Field(() => AlertState, { nullable: true, description: 'Where it stands.' })
  state?: AlertState | null;

  @Field(() => AlertSeverity, { nullable: true, description: 'How bad it is.' })
  severity?: AlertSeverity | null;

  @Field(() => AlertKind, { nullable: true, description: 'What is watched.' })
  kind?: AlertKind | null;

  @Field(() => ID, { nullable: true, description: 'About this site, an agent of it or a link to it.' })
  siteId?: string | null;
}
