import { Field, ID, InputType, ObjectType } from '@nestjs/graphql';
import { Role } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'A tenant: one company, or one customer of a managed-service provider.' })
export class Organization {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'What people call it.' })
  name: string;

  @Field({ description: 'Whether its owners make other organizations: that of the first start.' })
  isProvider: boolean;

  @Field(() => String, {
    nullable: true,
    description:
      'Version that its agents are to run, where their site does not say; null: they keep what they run.',
  })
  agentVersion: string | null;
}

@ObjectType({ description: 'An organization that the caller belongs to.' })
export class OwnMembership {
  @Field(() => Organization, { description: 'Where they belong.' })
  organization: Organization;

  @Field(() => Role, { description: 'What they may do there.' })
  role: Role;

  @Field({ description: 'Whether it is the one that they work in now.' })
  current: boolean;
}

@ObjectType({ description: 'A page of organizations that the caller belongs to, by name.' })
export class OwnMembershipConnection extends countedConnectionOf(OwnMembership) {}

@InputType({ description: 'What an organization shall be.' })
export class OrganizationInput {
  @Field({ description: '1 to 100 characters.' })
  name: string;
}
