import {
  GraphQLError,
  Kind,
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';

/** The deepest query of use (flows' connection, revisions' documents) has 7 levels; the introspection query has 13. */
export const MAX_DEPTH = 14;
/** Selected fields, fragments counted as often as they are used. The portal's largest query has some 100. */
export const MAX_FIELDS = 1000;
/** What the parser reads before it gives up. */
export const MAX_TOKENS = 10_000;

interface Size {
  readonly depth: number;
  readonly fields: number;
}

const NOTHING: Size = { depth: 0, fields: 0 };

/** A validation rule that refuses documents that would cost too much, before anything is resolved. */
export const limitSize = (context: ValidationContext): ASTVisitor => ({
  Document(document) {
    const measure = new Measurement(document);
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
      const { depth, fields } = measure.of(definition.selectionSet);
      if (depth > MAX_DEPTH) {
        context.reportError(
          tooLarge(`is ${String(depth)} levels deep, and ${String(MAX_DEPTH)} are allowed`),
        );
      }
      if (fields > MAX_FIELDS) {
        context.reportError(
          tooLarge(`selects ${String(fields)} fields, and ${String(MAX_FIELDS)} are allowed`),
        );
      }
    }
  },
});

const tooLarge = (how: string): GraphQLError =>
  new GraphQLError(`The query ${how}: ask for less at once.`, { extensions: { code: 'BAD_INPUT' } });

class Measurement {
  private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  private readonly known = new Map<string, Size>();

  constructor(document: DocumentNode) {
    this.fragments = new Map(
      document.definitions.flatMap((node) =>
        node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
      ),
    );
  }

  of(set: SelectionSetNode): Size {
    return set.selections.reduce<Size>((sum, selection) => {
      if (selection.kind === Kind.FIELD) {
        const below = selection.selectionSet ? this.of(selection.selectionSet) : NOTHING;
        return add(sum, { depth: below.depth + 1, fields: below.fields + 1 });
      }
      return add(
        sum,
        selection.kind === Kind.INLINE_FRAGMENT
          ? this.of(selection.selectionSet)
          : this.ofFragment(selection.name.value),
      );
    }, NOTHING);
  }

  /** Each fragment is measured once; one that contains itself counts as nothing here, another rule refuses it. */
  private ofFragment(name: string): Size {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    this.known.set(name, NOTHING);
    const fragment = this.fragments.get(name);
    const size = fragment ? this.of(fragment.selectionSet) : NOTHING;
    this.known.set(name, size);
    return size;
  }
}

const add = (a: Size, b: Size): Size => ({ depth: Math.max(a.depth, b.depth), fields: a.fields + b.fields });
