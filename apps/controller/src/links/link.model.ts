import { Field, Float, HideField, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { countedConnectionOf } from '../graphql/page.model.js';

/** GraphQL's name of each congestion profile, and the contract's. */
export const LinkProfile = { FAIR: 'fair', LOSSY: 'lossy', FIXED: 'fixed' } as const;
export type LinkProfile = (typeof LinkProfile)[keyof typeof LinkProfile];

registerEnumType(LinkProfile, {
  name: 'LinkProfile',
  description: 'How a tunnel finds its rate.',
  valuesMap: {
    FAIR: { description: 'Shares the line with other traffic.' },
    LOSSY: { description: 'For lines that lose packets without being full.' },
    FIXED: { description: 'Sends at the rate cap, whatever happens.' },
  },
});

/** GraphQL's name of each AEAD, and the contract's. */
export const CipherSuite = {
  AES_128_GCM: 'aes-128-gcm',
  AES_256_GCM: 'aes-256-gcm',
  CHACHA20_POLY1305: 'chacha20-poly1305',
} as const;
export type CipherSuite = (typeof CipherSuite)[keyof typeof CipherSuite];

registerEnumType(CipherSuite, { name: 'CipherSuite', description: 'AEAD of the data packets.' });

@ObjectType({
  description:
    'Shares of the traffic classes of a tunnel while all have something to send; what one leaves the others get.',
})
export class ClassWeights {
  @Field(() => Int, { description: '1 to 1000.' })
  interactive: number;

  @Field(() => Int, { description: '1 to 1000.' })
  bulk: number;

  @Field(() => Int, { description: '1 to 1000.' })
  scavenger: number;
}

@InputType({ description: 'Shares of the traffic classes. Classes that are left out stay.' })
export class ClassWeightsInput {
  @Field(() => Int, { nullable: true, description: '1 to 1000; 16 on a link that nobody changed.' })
  interactive?: number | null;

  @Field(() => Int, { nullable: true, description: '1 to 1000; 4 on a link that nobody changed.' })
  bulk?: number | null;

  @Field(() => Int, { nullable: true, description: '1 to 1000; 1 on a link that nobody changed.' })
  scavenger?: number | null;
}

@ObjectType({
  description: 'How a pair of sites is crossed; made by itself when both have an approved agent.',
})
export class Link {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @HideField()
  siteAId: string;

  @HideField()
  siteBId: string;

  @Field(() => LinkProfile, { description: 'How the tunnels find their rate.' })
  profile: LinkProfile;

  @Field(() => CipherSuite, { description: 'AEAD of the data packets.' })
  cipherSuite: CipherSuite;

  @Field(() => Float, { nullable: true, description: 'Hard cap from site A to site B, in Mbit/s.' })
  rateMbpsAToB: number | null;

  @Field(() => Float, { nullable: true, description: 'Hard cap from site B to site A, in Mbit/s.' })
  rateMbpsBToA: number | null;

  @Field(() => Int, { description: 'Largest UDP payload that is probed for, in bytes.' })
  maxUdpPayload: number;

  @Field(() => ClassWeights, { description: 'How the traffic classes share the tunnels, both ways.' })
  classWeights: ClassWeights;
}

@ObjectType({ description: 'A page of links, the oldest first.' })
export class LinkConnection extends countedConnectionOf(Link) {}

@InputType({ description: 'Which links; all that is given has to hold.' })
export class LinkFilter {
  @Field(() => ID, { nullable: true, description: 'To or from this site.' })
  siteId?: string | null;

  @Field(() => LinkProfile, { nullable: true, description: 'How the tunnels find their rate.' })
  profile?: LinkProfile | null;
}

@InputType({ description: 'What to change of a link. Fields that are left out stay; a null rate is no cap.' })
export class LinkInput {
  @Field(() => LinkProfile, { nullable: true, description: 'FIXED needs both rates.' })
  profile?: LinkProfile | null;

  @Field(() => CipherSuite, { nullable: true, description: 'AEAD of the data packets.' })
  cipherSuite?: CipherSuite | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Hard cap from site A to site B, in Mbit/s; more than 0.',
  })
  rateMbpsAToB?: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Hard cap from site B to site A, in Mbit/s; more than 0.',
  })
  rateMbpsBToA?: number | null;

  @Field(() => Int, { nullable: true, description: '1200 to 16384 bytes.' })
  maxUdpPayload?: number | null;

  @Field(() => ClassWeightsInput, {
    nullable: true,
    description:
      'How the traffic classes share the tunnels, both ways; connections that are open feel it too.',
  })
  classWeights?: ClassWeightsInput | null;
}
