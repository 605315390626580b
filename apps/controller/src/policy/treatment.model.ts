import { Field, InputType, Int } from '@nestjs/graphql';
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
}
