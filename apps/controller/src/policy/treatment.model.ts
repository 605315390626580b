import { Field, Float, InputType, Int } from '@nestjs/graphql';
import { Compression, TrafficClass, WhenPeerDown } from './rule-enums.js';

/** How connections are carried: what rules and forwards both let one choose. */
@InputType({ isAbstract: true })
export abstract class TreatmentInput {
  @Field(() => Compression, { nullable: true, description: 'AUTO unless given.' })
  compression?: Compression | null;

  @Field(() => TrafficClass, { nullable: true, description: 'BULK unless given.' })
  class?: TrafficClass | null;

  @Field(() => Int, { nullable: true, description: '1 to 100; 10 unless given.' })
  weight?: number | null;

  @Field(() => WhenPeerDown, { nullable: true, description: 'PASS unless given.' })
  whenPeerDown?: WhenPeerDown | null;

  @Field(() => Float, {
    nullable: true,
    description:
      "Most that the connections carry together, each way, of the application's bytes, at each agent where they begin: 0.1 to 100000 Mbit/s; no limit unless given. Applications wait, nothing is dropped.",
  })
  rateLimitMbps?: number | null;
}
