import { Field, Float, GraphQLISODateTime, ID, InputType, ObjectType } from '@nestjs/graphql';
import { countedConnectionOf } from '../graphql/page.model.js';
import { SiteState } from './site-state.js';

@ObjectType({ description: 'A place with a LAN behind one or more agents.' })
export class Site {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'Unique in the organization.' })
  name: string;

  @Field(() => String, { nullable: true, description: 'Where it is, for people.' })
  location: string | null;

  @Field(() => [String], { description: 'Words by which rules choose sites.' })
  labels: string[];

  @Field(() => [String], {
    description: 'Address blocks behind the site, in CIDR form. No two sites share an address.',
  })
  lanPrefixes: string[];

  @Field(() => Float, { nullable: true, description: 'What the line sends, in Mbit/s.' })
  bandwidthUpMbps: number | null;

  @Field(() => Float, { nullable: true, description: 'What the line receives, in Mbit/s.' })
  bandwidthDownMbps: number | null;

  @Field(() => [ID], {
    description:
      'Sites that it is linked to, and to no other, unless that one names it; none: it is linked to every site that names none either.',
  })
  hubSiteIds: string[];

  @Field(() => GraphQLISODateTime, { description: 'When it was made.' })
  createdAt: Date;

  @Field(() => String, {
    nullable: true,
    description:
      'Version that its agents are to run, whatever the organization wants; null: what the organization wants.',
  })
  agentVersion: string | null;
}

@ObjectType({ description: 'A page of sites, by name.' })
export class SiteConnection extends countedConnectionOf(Site) {}

@InputType({ description: 'Which sites; all that is given has to hold.' })
export class SiteFilter {
  @Field(() => String, { nullable: true, description: 'A part of the name, in any case.' })
  name?: string | null;

  @Field(() => String, { nullable: true, description: 'A label that the site carries.' })
  label?: string | null;

  @Field(() => SiteState, { nullable: true, description: 'How the site is at this moment.' })
  state?: SiteState | null;
}

@InputType({
  description: 'What a site shall be. At an update, fields that are left out stay; null clears.',
})
export class SiteInput {
  @Field({ description: '1 to 100 characters, unique in the organization.' })
  name: string;

  @Field(() => String, { nullable: true, description: 'Where it is, for people.' })
  location?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: 'At most 50; 1 to 63 letters, digits or . _ : / = -',
  })
  labels?: string[] | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Address blocks behind the site, such as 10.1.0.0/16; at most 64.',
  })
  lanPrefixes?: string[] | null;

  @Field(() => Float, { nullable: true, description: 'What the line sends, in Mbit/s; more than 0.' })
  bandwidthUpMbps?: number | null;

  @Field(() => Float, { nullable: true, description: 'What the line receives, in Mbit/s; more than 0.' })
  bandwidthDownMbps?: number | null;

  @Field(() => [ID], {
    nullable: true,
    description:
      'Sites that it shall be linked to, and to no other: at most 16. Links to others carry nothing any more, but stay for when they are wanted again.',
  })
  hubSiteIds?: string[] | null;
}
