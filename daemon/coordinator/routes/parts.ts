import type {Catalog} from '../../ports/catalog.js';
import type {PageFiles} from '../../ports/page-files.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {Activity} from '../activity.js';
import type {AlertWatch} from '../alerts/alert-watch.js';
import type {Webhooks} from '../alerts/webhooks.js';
import type {Audit} from '../audit.js';
import type {Admission} from '../admission.js';
import type {Checker} from '../checker.js';
import type {Downloader} from '../download.js';
import type {Events} from '../events.js';
import type {FailedSignIns} from '../failed-sign-ins.js';
import type {Fleet} from '../fleet.js';
import type {LineTests} from '../line-tests.js';
import type {NodeAuditor} from '../node-auditor.js';
import type {NodeInvitations} from '../node-invitations.js';
import type {Membership} from '../membership.js';
import type {Meters} from '../meters.js';
import type {Mover} from '../mover.js';
import type {NodeCare} from '../node-care.js';
import type {Note} from '../note.js';
import type {People} from '../people/people.js';
import type {Quotas} from '../people/quotas.js';
import type {ShareLinks} from '../people/share-links.js';
import type {Remover} from '../remover.js';
import type {Repairer} from '../repairer.js';
import type {Unfinished} from '../resumable/unfinished.js';
import type {ScrubReports} from '../scrub-reports.js';
import type {ShardWriter} from '../shard-writer.js';
import type {Trash} from '../trash.js';
import type {TryLimits} from '../try-limits.js';
import type {Uploader} from '../upload.js';
import type {NodeViewer} from '../views.js';

/** What the routes serve: the coordinator's parts. */
export type Parts = {
	activity: Activity;
	alerts: Pick<AlertWatch, 'view'>;
	audit: Audit | undefined;
	admission: Admission;
	care: NodeCare;
	catalog: Catalog;
	checker: Checker;
	clock: Clock;
	/** Aborted when the coordinator stops: what never ends by itself ends then. */
	closing: AbortSignal;
	downloader: Downloader;
	events: Events;
	fleet: Fleet;
	lineTests: LineTests;
	membership: Membership;
	/** Tells the metrics, as text for Prometheus. */
	metrics: () => Promise<string>;
	meters: Meters;
	/** How many copies an upload must reach, and a stop must leave. */
	minReplicas: number;
	mover: Mover;
	nodeAuditor: NodeAuditor;
	nodeInvitations: NodeInvitations;
	note: Note;
	links: ShareLinks;
	/** Whether there are no accounts. */
	open: boolean;
	/** The web page; without one, only programs are served. */
	page: PageFiles | undefined;
	people: People;
	quotas: Quotas;
	/** Told of the bytes of uploads as they come in. */
	onBytes: ((sizeBytes: number) => void) | undefined;
	remover: Remover;
	/** When the catalogue came out of a backup, where it did. */
	restoredAt: number | undefined;
	scrubReports: ScrubReports;
	/** Sign-ins that failed of late. */
	failedSignIns: FailedSignIns;
	repairer: Repairer;
	replicas: number;
	random: Random;
	trash: Trash;
	unfinished: Unfinished;
	tryLimits: TryLimits;
	uploader: Uploader;
	version: string;
	viewNode: NodeViewer;
	webhooks: Pick<Webhooks, 'status' | 'test'>;
	writer: ShardWriter;
};
