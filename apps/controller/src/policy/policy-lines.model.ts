import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Compression, TrafficClass, WhenPeerDown } from './rule-enums.js';
import { TreatmentInput } from './treatment.model.js';

/** What a policy test expects: GraphQL's names and the document's. */
export const TestExpectation = {
  ACCELERATE: 'accelerate',
  PASS: 'pass',
  DENY: 'deny',
  NONE: 'none',
} as const;
export type TestExpectation = (typeof TestExpectation)[keyof typeof TestExpectation];
registerEnumType(TestExpectation, {
  name: 'TestExpectation',
  description: 'What has to become of a connection.',
  valuesMap: {
    ACCELERATE: { description: 'A rule accelerates it.' },
    PASS: { description: 'A rule lets it pass.' },
    DENY: { description: 'A rule refuses it.' },
    NONE: { description: 'No rule matches.' },
  },
});

@ObjectType({
  description:
    "A port of a site's agents; connections to it are opened by the other site's agent to one address there.",
})
export class PolicyForward {
  @Field({ description: 'For people.' })
  name: string;

  @Field(() => ID, { description: 'Whose agents listen.' })
  siteId: string;

  @Field({ description: 'IP address to listen on.' })
  listenAddress: string;

  @Field(() => Int, { description: '1 to 65535.' })
  listenPort: number;

  @Field(() => ID, { description: 'Whose agent opens the connection.' })
  destinationSiteId: string;

  @Field({ description: 'IP address that it opens the connection to.' })
  targetAddress: string;

  @Field(() => Int, { description: '1 to 65535.' })
  targetPort: number;

  @Field(() => Compression, { description: 'Of the data on its way.' })
  compression: Compression;

  @Field(() => TrafficClass, { description: 'How its connections compete.' })
  class: TrafficClass;

  @Field(() => Int, { description: 'Share against others of the same class, 1 to 100.' })
  weight: number;

  @Field(() => WhenPeerDown, { description: 'While the far agent cannot be reached.' })
  whenPeerDown: WhenPeerDown;

  @Field(() => Float, {
    nullable: true,
    description:
      "Most that its connections carry together, each way, of the application's bytes, in Mbit/s, at each agent where they begin; null: no limit.",
  })
  rateLimitMbps: number | null;
}

@InputType({ description: 'A port of a site whose connections another site opens.' })
export class PolicyForwardInput extends TreatmentInput {
  @Field({ description: '1 to 100 characters.' })
  name: string;

  @Field(() => ID, { description: 'Whose agents listen.' })
  siteId: string;

  @Field({ description: 'IP address to listen on, such as 0.0.0.0.' })
  listenAddress: string;

  @Field(() => Int, { description: '1 to 65535.' })
  listenPort: number;

  @Field(() => ID, { description: 'Whose agent opens the connection; another site.' })
  destinationSiteId: string;

  @Field({ description: 'IP address that it opens the connection to.' })
  targetAddress: string;

  @Field(() => Int, { description: '1 to 65535.' })
  targetPort: number;
}

@ObjectType({ description: 'A connection, and what the policy has to make of it.' })
export class PolicyTest {
  @Field({ description: 'Unique in its policy.' })
  name: string;

  @Field({ description: 'IP address of the client.' })
  source: string;

  @Field({ description: 'IP address of the server.' })
  destination: string;

  @Field(() => Int, { description: 'Port of the server.' })
  port: number;

  @Field(() => TestExpectation, { description: 'What has to become of it.' })
  expect: TestExpectation;

  @Field(() => String, {
    nullable: true,
    description: 'Id or name of the rule that has to decide; null: any.',
  })
  rule: string | null;
}

@InputType({ description: 'A connection, and what the policy has to make of it.' })
export class PolicyTestInput {
  @Field({ description: '1 to 100 characters, unique in its policy.' })
  name: string;

  @Field({ description: 'IP address of the client, in the LAN of a site.' })
  source: string;

  @Field({ description: 'IP address of the server.' })
  destination: string;

  @Field(() => Int, { description: 'Port of the server.' })
  port: number;

  @Field(() => TestExpectation, { description: 'What has to become of it.' })
  expect: TestExpectation;

  @Field(() => String, {
    nullable: true,
    description: 'Id or name of the rule that has to decide; any unless given.',
  })
  rule?: string | null;
}
