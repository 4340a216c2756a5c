import { describe, expect, it } from "vitest";
import { executeGraphQL, type Item } from "../fixtures/backends/graphql.ts";
import { parseGraphQL } from "../fixtures/backends/graphql-parse.ts";

const root: Item = {
  user: (given) => ({ __typename: "User", login: given.get("login") as string, email: "hidden" }),
  list: [
    { __typename: "User", name: "ann" },
    { __typename: "Team", slug: "all" },
  ],
  nested: { one: { a: 1, b: 2 }, nothing: null },
};

const ask = (query: string, variables: Record<string, string> = {}): unknown =>
  executeGraphQL(parseGraphQL(query, new Map(Object.entries(variables))), root);

describe("an answer to a GraphQL document", () => {
  it("has what was asked for and nothing else", () => {
    expect(ask("{ nested { one { a } } }")).toEqual({ nested: { one: { a: 1 } } });
  });

  it("has the names of the aliases, and values for the variables", () => {
    const query = 'query Q($who: String!) { u0: user(login: $who) { login } u1: user(login: "b\\"c") { login } }';
    expect(ask(query, { who: "ann" })).toEqual({ u0: { login: "ann" }, u1: { login: 'b"c' } });
  });

  it("takes the parts for the type of each object", () => {
    expect(ask("{ list { __typename ... on User { name } ...on Team { slug } } }")).toEqual({
      list: [
        { __typename: "User", name: "ann" },
        { __typename: "Team", slug: "all" },
      ],
    });
  });

  it("joins what several fragments select from one field", () => {
    const query = "fragment x on N { one { a } } fragment y on N { one { b } } query { nested { ...x ...y } }";
    expect(ask(query)).toEqual({ nested: { one: { a: 1, b: 2 } } });
  });

  it("has null for a field that an object does not have, and for what is below null", () => {
    expect(ask("{ nested { other nothing { deep } toString } }")).toEqual({
      nested: { other: null, nothing: null, toString: null },
    });
  });

  it("is an error when the root does not have the field", () => {
    expect(() => ask("{ secrets { all } }")).toThrow("no query secrets");
  });

  it.each(["", "{ a", "{ a(b: ", "subscription { a }"])("is an error for %j", (query) => {
    expect(() => ask(query)).toThrow("GraphQL");
  });
});
