import type { Cluster, Edge, Order, Session } from "./api.js";
import type { Act } from "./confirm.js";

/** Does an act by the operator's API, and says what has come of it: done, and more where there is more. */
export type Run = (path: string, body: Record<string, unknown>, done: string) => Promise<string>;

type Node = Cluster["nodes"][number];

/* What an operator can do: each is a question first. */

export function drainEdge(edge: Edge, run: Run): Act {
  return {
    heading: `Drain ${edge.name || "the edge"}?`,
    text: `${edge.id} takes no further sessions. Those that run go on.`,
    button: "Drain",
    timed: true,
    choice: { field: "move", label: "Hand its players to other edges now" },
    run: (body) => run(`edges/${encodeURIComponent(edge.id)}/drain`, body, "The edge takes no further sessions."),
  };
}

export function undrainEdge(edge: Edge, run: Run): Act {
  return {
    heading: `Let ${edge.name || "the edge"} take sessions again?`,
    text: edge.id,
    button: "Undo the drain",
    run: (body) => undrain(edge.id, body, run),
  };
}

export function banEdge(edge: Edge, run: Run): Act {
  return {
    heading: `Ban ${edge.name || "the edge"}?`,
    text: `${edge.id} is disconnected from all nodes and may not come back. Its players go on at other edges, where there are any.`,
    button: "Ban the edge",
    danger: true,
    timed: true,
    run: (body) => run("bans", { ...body, edge: edge.id }, "The edge is banned."),
  };
}

export function endSession(session: Session, run: Run): Act {
  return {
    heading: "End the session?",
    text: `${session.id}. Its player reads the reason.`,
    button: "End it",
    danger: true,
    run: (body) => run(`sessions/${encodeURIComponent(session.id)}/end`, body, "The session has ended."),
  };
}

export function banTokenOf(session: Session, run: Run): Act {
  return {
    heading: "Ban the player’s token?",
    text: `All that is played with the token of ${session.id} ends, and it is not good any more.`,
    button: "Ban the token",
    danger: true,
    timed: true,
    run: (body) => run("bans", { ...body, tokenId: session.token }, "The token is banned."),
  };
}

/** Bans what the operator names; what says how. */
export function banNamed(field: "key" | "token", what: string, run: Run): Act {
  return {
    heading: `Ban a ${field}?`,
    text: "What is played by it ends at all nodes.",
    button: "Ban",
    danger: true,
    timed: true,
    named: { field, label: `Which? ${what}` },
    run: (body) => run("bans", body, `The ${field} is banned.`),
  };
}

export function lift(order: Order, run: Run): Act {
  if (order.kind === "drain-edge") {
    return {
      heading: "Undo the drain?",
      text: order.target,
      button: "Undo the drain",
      run: (body) => undrain(order.target, body, run),
    };
  }
  const field = { "ban-edge": "edge", "ban-key": "key", "ban-token": "tokenId" }[order.kind];
  return {
    heading: "Lift the ban?",
    text: order.target,
    button: "Lift the ban",
    run: (body) => run("bans/lift", { ...body, [field]: order.target }, "The ban is lifted."),
  };
}

/** Drains a node, alone in its cluster or not, or undoes it. */
export function drainNode(node: Node, alone: boolean, run: Run): Act {
  const drain = !node.draining;
  return {
    heading: drain ? "Drain the node?" : "Let the node serve again?",
    text: !drain
      ? "It takes edges and players again."
      : alone
        ? "It begins no further sessions, and /readyz is false. What runs goes on."
        : "Its edges and players go to the other nodes, with their sessions. /readyz is false.",
    button: drain ? "Drain" : "Undo the drain",
    run: (body) =>
      run(
        `nodes/${node.self ? "self" : encodeURIComponent(node.id)}/${drain ? "drain" : "undrain"}`,
        body,
        drain ? "The node is drained, until it is restarted or this is undone." : "The node serves again.",
      ),
  };
}

function undrain(edge: string, body: Record<string, unknown>, run: Run): Promise<string> {
  return run(`edges/${encodeURIComponent(edge)}/undrain`, body, "The edge takes sessions again.");
}
