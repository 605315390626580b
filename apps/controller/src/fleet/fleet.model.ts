import { Field, Float, Int, ObjectType } from '@nestjs/graphql';

@ObjectType({ description: 'A version of the agent, and how many run it.' })
export class AgentVersionCount {
  @Field({ description: 'As agents say.' })
  version: string;

  @Field(() => Int, { description: 'Agents that are not revoked.' })
  agents: number;
}

@ObjectType({ description: 'The whole organization at this moment.' })
export class FleetSummary {
  @Field(() => Int, { description: 'Sites.' })
  sites: number;

  @Field(() => Int, { description: 'Approved agents that are connected.' })
  agentsOnline: number;

  @Field(() => Int, { description: 'Agents that are not revoked.' })
  agents: number;

  @Field(() => Int, { description: 'Links with a tunnel that is up.' })
  linksUp: number;

  @Field(() => Int, { description: 'Links.' })
  links: number;

  @Field(() => Int, { description: 'Approved agents that are not (yet) what they shall be.' })
  drifted: number;

  @Field(() => Float, { description: 'Application bytes that tunnels send, before compression, in Mbit/s.' })
  sentMbps: number;

  @Field(() => [AgentVersionCount], {
    description: 'The versions that its agents run, the most frequent first.',
  })
  agentVersions: AgentVersionCount[];
}
