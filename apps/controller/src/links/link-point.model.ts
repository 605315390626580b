import { Field, Float, GraphQLISODateTime, HideField, Int, ObjectType } from '@nestjs/graphql';

@ObjectType({ description: 'A tunnel over an interval, as one of its ends saw it.' })
export class LinkPoint {
  @Field(() => GraphQLISODateTime, { description: 'End of the interval.' })
  at: Date;

  @Field(() => Float, { description: 'Application bytes sent, before compression, in Mbit/s.' })
  sentMbps: number;

  @Field(() => Float, { description: 'Application bytes received, in Mbit/s.' })
  receivedMbps: number;

  @Field(() => Float, { description: 'UDP payload sent, all of the own overhead included, in Mbit/s.' })
  wireSentMbps: number;

  @Field(() => Float, { description: 'UDP payload received, in Mbit/s.' })
  wireReceivedMbps: number;

  @Field(() => Float, { nullable: true, description: 'Smoothed, in ms; null before the first sample.' })
  rttMs: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'The least of late, in ms; null before the first sample.',
  })
  minRttMs: number | null;

  @Field(() => Float, { description: 'Packets lost, of those sent, in per cent.' })
  lossPct: number;

  @Field(() => Float, { description: 'Packets sent again, of those sent, in per cent.' })
  retransmitPct: number;

  @Field(() => Int, { description: 'Connections inside the tunnel.' })
  openStreams: number;
}

@ObjectType({ description: "One agent's end of a tunnel." })
export class LinkEnd {
  @HideField()
  agentId: string;

  @HideField()
  peerAgentId: string;

  @Field({ description: '"up", "connecting" or "down", as the agent said last; "down" if it is silent.' })
  state: string;

  @Field(() => LinkPoint, {
    nullable: true,
    description: 'Of the last minute, the newest; null if there is none.',
  })
  latest: LinkPoint | null;
}
