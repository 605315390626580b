import { Field, ID, ObjectType } from '@nestjs/graphql';

@ObjectType({ description: 'A tenant: one company, or one customer of a managed-service provider.' })
export class Organization {
  @Field(() => ID, { description: 'Opaque.' })
  id: string;

  @Field({ description: 'What people call it.' })
  name: string;
}
