import {
  Field,
  Float,
  GraphQLISODateTime,
  HideField,
  Int,
  ObjectType,
  registerEnumType,
} from '@nestjs/graphql';
import type { Figures } from '../telemetry/series-figures.js';
import type { LinkRanking as Ranking } from '../telemetry/series-queries.js';

/** GraphQL's name of each way to rank links, and the query's. */
export const LinkRanking = { LOSS: 'loss', RETRANSMITS: 'retransmits', RTT: 'rtt' } as const satisfies Record<
  string,
  Ranking
>;
export type LinkRanking = Ranking;

registerEnumType(LinkRanking, {
  name: 'LinkRanking',
  description: 'By what links are worse than others.',
  valuesMap: {
    LOSS: { description: 'Share of the packets that are lost.' },
    RETRANSMITS: { description: 'Share of the packets that are sent again.' },
    RTT: { description: 'Round trip.' },
  },
});

const nullableFloat = (description: string) => Field(() => Float, { nullable: true, description });

@ObjectType({ isAbstract: true })
export abstract class TelemetryFigures implements Figures {
  @nullableFloat('Application bytes sent, before compression, in Mbit/s; null where nothing was reported.')
  sentMbps: number | null;

  @nullableFloat('Application bytes received, in Mbit/s.')
  receivedMbps: number | null;

  @nullableFloat('UDP payload sent, all of the own overhead included, in Mbit/s.')
  wireSentMbps: number | null;

  @nullableFloat('UDP payload received, in Mbit/s.')
  wireReceivedMbps: number | null;

  @Field(() => Float, { description: 'Application bytes sent, before compression.' })
  bytesSent: number;

  @Field(() => Float, { description: 'Application bytes received.' })
  bytesReceived: number;

  @Field(() => Float, { description: 'Bytes of UDP payload sent.' })
  wireBytesSent: number;

  @Field(() => Float, { description: 'Bytes of UDP payload received.' })
  wireBytesReceived: number;

  @nullableFloat('Mean of the smoothed round trip, in ms.')
  rttMs: number | null;

  @nullableFloat('The least round trip, in ms.')
  minRttMs: number | null;

  @nullableFloat('The largest smoothed round trip, in ms.')
  maxRttMs: number | null;

  @nullableFloat('Packets lost, of those sent, in per cent; null when none was sent.')
  lossPct: number | null;

  @nullableFloat('Packets sent again, of those sent, in per cent; null when none was sent.')
  retransmitPct: number | null;

  @nullableFloat('Share of the time in which tunnels were up, in per cent.')
  upPct: number | null;

  @Field(() => Float, { description: 'Most connections that were inside the tunnels at once.' })
  openStreams: number;

  @Field(() => Float, { description: 'Accelerated connections that ended, counted where they began.' })
  flowsAccelerated: number;

  @Field(() => Float, { description: 'Connections that went straight and ended.' })
  flowsPassed: number;

  @Field(() => Float, { description: 'Connections that were refused.' })
  flowsRefused: number;

  @Field(() => Float, { description: 'Bytes of accelerated connections, both ways, before compression.' })
  acceleratedBytes: number;

  @Field(() => Float, { description: 'Bytes of connections that went straight, both ways.' })
  passedBytes: number;

  @Field(() => Float, {
    description: 'Bytes that compression kept off the links: of accelerated connections, where they began.',
  })
  bytesSaved: number;

  @Field(() => Float, {
    description:
      'Seconds that the same connections would have taken longer by TCP (CUBIC) at the measured round trip and loss; docs/telemetry.md has the model.',
  })
  timeSavedSeconds: number;
}

@ObjectType({ description: 'A bucket of time.' })
export class TelemetryPoint extends TelemetryFigures {
  @Field(() => GraphQLISODateTime, { description: 'Begin of the bucket.' })
  at: Date;
}

@ObjectType({ description: 'All of the time that was asked for.' })
export class TelemetryTotal extends TelemetryFigures {}

@ObjectType({
  description:
    'Figures over time. Of a link, sent is from site A to site B. What is of the last minutes may be missing yet.',
})
export class TelemetrySeries {
  @Field(() => Int, { description: 'Length of a bucket, in seconds: 60, 300, 3600 or 86400.' })
  resolutionSeconds: number;

  @Field(() => GraphQLISODateTime, { description: 'Begin of the first bucket.' })
  from: Date;

  @Field(() => GraphQLISODateTime, { description: 'End of the last bucket.' })
  to: Date;

  @Field(() => [TelemetryPoint], {
    description: 'The oldest first. Buckets in which nothing was reported are left out: there is a gap.',
  })
  points: TelemetryPoint[];

  @Field(() => TelemetryTotal, { nullable: true, description: 'Null if there is no point.' })
  total: TelemetryTotal | null;
}

@ObjectType({ description: 'A link and why it is among the worst.' })
export class RankedLink {
  @HideField()
  linkId: string;

  @Field(() => Float, { description: 'Packets sent from both sides.' })
  packetsSent: number;

  @Field(() => Float, { description: 'Packets lost, of those sent, in per cent.' })
  lossPct: number;

  @Field(() => Float, { description: 'Packets sent again, of those sent, in per cent.' })
  retransmitPct: number;

  @nullableFloat('Mean of the smoothed round trip, in ms.')
  rttMs: number | null;
}
