import type {z} from 'zod';
import type {AlertsTested, AlertsView, AlertView} from '../protocol/alerts-api.js';
import type {NodeView} from '../protocol/api.js';
import type {drainNodeSchema, maintainNodeSchema, MovesView, SafeToStop} from '../protocol/healing-api.js';
import type {wishLimitsSchema} from '../protocol/node-care.js';

export type {AlertsTested, AlertsView, AlertView, MovesView, SafeToStop};

/** The calls that prepare a node for being away or leaving, and about what is moved between nodes and what is alarming. */
export type HealingApi = {
	/** Moves a node's shards elsewhere, and forgets it then if asked. */
	drainNode: (id: string, options?: z.input<typeof drainNodeSchema>) => Promise<NodeView>;
	/** Leaves what a node still has where it is. */
	cancelDrain: (id: string) => Promise<NodeView>;
	/** Says when a node may be away. */
	maintainNode: (id: string, window: z.input<typeof maintainNodeSchema>) => Promise<NodeView>;
	endMaintenance: (id: string) => Promise<NodeView>;
	/** Wishes a node to have limits, by their texts. */
	setNodeLimits: (id: string, limits: z.input<typeof wishLimitsSchema>) => Promise<NodeView>;
	/** Takes back what it was wished to have. */
	endNodeWishes: (id: string) => Promise<NodeView>;
	/** Whether a node can stop now, and some of the chunks that would be at risk. */
	safeToStop: (id: string) => Promise<SafeToStop>;
	/** What is being moved, what waits for it and why. */
	moves: () => Promise<MovesView>;
	/** What an operator must know now, and how it stands with who is told of it. */
	alerts: () => Promise<AlertsView>;
	/** Sends each webhook a test. */
	testAlerts: () => Promise<AlertsTested['deliveries']>;
};
