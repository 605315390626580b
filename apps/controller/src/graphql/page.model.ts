import type { Type } from '@nestjs/common';
import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';

/** Items of a page unless told otherwise, and at most. */
export const DEFAULT_PAGE_SIZE = 100;
export const MAX_PAGE_SIZE = 500;

/** Which page of a list. */
@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    defaultValue: DEFAULT_PAGE_SIZE,
    description: `How many: 1 to ${String(MAX_PAGE_SIZE)}.`,
  })
  first?: number | null;

  @Field(() => String, {
    nullable: true,
    description: '`endCursor` of the page before, or the `cursor` of any edge; the beginning unless given.',
  })
  after?: string | null;
}

@ObjectType({ description: 'Whether there is more.' })
export class PageInfo {
  @Field({ description: 'Whether there is another page.' })
  hasNextPage: boolean;

  @Field(() => String, { nullable: true, description: 'For `after`; null when the page is empty.' })
  endCursor: string | null;
}

/** One item and its place in the list. */
export interface Edge<Node> {
  cursor: string;
  node: Node;
}

/** A page of a list, in the form of the Relay connection specification, with GitHub's `nodes` beside its edges. */
export interface Connection<Node> {
  edges: Edge<Node>[];
  nodes: Node[];
  pageInfo: PageInfo;
}

/** A {@link Connection} whose items are few enough to be counted: when `totalCount` is read, and only then. */
export interface CountedConnection<Node> extends Connection<Node> {
  readonly totalCount: Promise<number>;
}

/** The types `<Node>Edge` and `<Node>Connection` of the API; a feature extends what is returned to give it its name. */
export const connectionOf = <Node>(node: Type<Node>): Type<Connection<Node>> => {
  @ObjectType(`${node.name}Edge`, { description: 'An item and its place in the list.' })
  class NodeEdge implements Edge<Node> {
    @Field({ description: 'For `after`.' })
    cursor: string;

    @Field(() => node, { description: 'The item.' })
    node: Node;
  }

  @ObjectType({ isAbstract: true })
  abstract class NodeConnection implements Connection<Node> {
    @Field(() => [NodeEdge], { description: 'The items, each with its cursor.' })
    edges: NodeEdge[];

    @Field(() => [node], { description: 'The items alone.' })
    nodes: Node[];

    @Field(() => PageInfo, { description: 'Whether there is more.' })
    pageInfo: PageInfo;
  }
  return NodeConnection as Type<Connection<Node>>;
};

/** As {@link connectionOf}, with `totalCount`. */
export const countedConnectionOf = <Node>(node: Type<Node>): Type<CountedConnection<Node>> => {
  @ObjectType({ isAbstract: true })
  abstract class Counted extends connectionOf(node) implements CountedConnection<Node> {
    @Field(() => Int, { description: 'Items of the whole list that the filter lets through.' })
    readonly totalCount: Promise<number>;
  }
  return Counted as Type<CountedConnection<Node>>;
};
