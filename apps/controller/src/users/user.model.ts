import { Field, GraphQLISODateTime, ID, InputType, ObjectType } from '@nestjs/graphql';
import { Role } from '../generated/prisma/enums.js';
import { countedConnectionOf } from '../graphql/page.model.js';

@ObjectType({ description: 'A person of the organization.' })
export class User {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'In lower case; what they sign in with.' })
  email: string;

  @Field(() => Role, { description: 'What they may do here.' })
  role: Role;

  @Field(() => GraphQLISODateTime, { description: 'When they were added to the organization.' })
  createdAt: Date;

  @Field({ description: 'Whether the identity provider decides their role, at each sign-in.' })
  byOidc: boolean;
}

@ObjectType({ description: 'A page of people, by e-mail address.' })
export class UserConnection extends countedConnectionOf(User) {}

@InputType({ description: 'Which people; all that is given has to hold.' })
export class UserFilter {
  @Field(() => String, { nullable: true, description: 'A part of the e-mail address, in any case.' })
  email?: string | null;

  @Field(() => Role, { nullable: true, description: 'What they may do here.' })
  role?: Role | null;
}

@InputType({ description: 'A person who has an account elsewhere, to work here too.' })
export class AddMemberInput {
  @Field({ description: 'Of their account.' })
  email: string;

  @Field(() => Role, { description: 'What they may do here.' })
  role: Role;
}

@InputType({ description: 'A person to add.' })
export class CreateUserInput {
  @Field({ description: 'Nobody else may have it.' })
  email: string;

  @Field(() => String, {
    nullable: true,
    description: '12 to 200 characters; without it they sign in by OpenID Connect only.',
  })
  password?: string | null;

  @Field(() => Role, { description: 'What they may do.' })
  role: Role;
}
