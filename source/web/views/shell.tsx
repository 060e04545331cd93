import {type FunctionComponent, useEffect} from 'react';
import type {Whoami} from '../../protocol/people-api.js';
import {formatSize} from '../../format.js';
import {tellProblem} from '../deeds.js';
import {followFiles} from '../files-store.js';
import {line, openLine} from '../live.js';
import {hrefOf, usePlace, type View, views} from '../place.js';
import {signOut} from '../session.js';
import {useStore} from '../store.js';
import {lockKeyring} from '../sealing.js';
import {endSavings} from '../savings.js';
import {findLeftovers} from '../uploads/leftovers.js';
import {endUploads} from '../uploads/queue.js';
import {DropAnywhere} from './drop-anywhere.js';
import {FilesView} from './files.js';
import {UnlockDialog} from './keyring.js';
import {Notice} from './notice.js';
import {later} from './later.js';
import {Icon, type IconName} from './parts.js';
import {LeftoverList} from './leftover-list.js';
import {SavingRows} from './saving-rows.js';
import {UploadList} from './upload-list.js';

const viewsOf = {
	files: FilesView,
	trash: later(async () => import('./trash.js')),
	links: later(async () => import('./links.js')),
	network: later(async () => import('./network.js')),
	nodes: later(async () => import('./nodes.js')),
};

const titles: Record<View, {title: string; icon: IconName}> = {
	files: {title: 'Files', icon: 'file'},
	trash: {title: 'Trash', icon: 'trash'},
	links: {title: 'Shared', icon: 'share'},
	network: {title: 'Network', icon: 'network'},
	nodes: {title: 'My nodes', icon: 'home'},
};

/** Where there are no accounts, nothing is shared by links: everybody has everything. */
const shownTo = ({open}: Whoami): View[] => views.filter(view => view !== 'links' || !open);

const Navigation = ({view, who}: {view: View; who: Whoami}) => (
	<nav aria-label="Views">
		<ul>
			{shownTo(who).map(name => (
				<li key={name}>
					<a href={hrefOf(name)} aria-current={name === view ? 'page' : undefined}>
						<Icon name={titles[name].icon} />
						<span>{titles[name].title}</span>
					</a>
				</li>
			))}
		</ul>
	</nav>
);

const Room = ({who: {used_bytes: used, quota_bytes: quota}}: {who: Whoami}) => (
	<p className="room">
		{quota === null ? (
			`${formatSize(used)} used`
		) : (
			<>
				<meter
					aria-label="Space used"
					min={0}
					max={Math.max(quota, 1)}
					value={Math.min(used, quota)}
					high={quota * 0.9}
				/>
				{formatSize(used)} of {formatSize(quota)}
			</>
		)}
	</p>
);

const Account = ({who}: {who: Whoami}) => {
	if (who.open) return <p className="account">Open network: no accounts</p>;
	return (
		<div className="account">
			<Room who={who} />
			<p>
				<strong>{who.name}</strong>
			</p>
			<button type="button" className="plain" onClick={() => void signOut().catch(tellProblem)}>
				Sign out
			</button>
		</div>
	);
};

const Line = () => {
	const state = useStore(line);
	if (state !== 'broken') return null;
	return (
		<p className="banner" role="status">
			<Icon name="warning" />
			No connection to the storage network. What you see may be old; it is tried again by itself.
		</p>
	);
};

/** What stands around every view of somebody who is signed in. */
export const Shell = ({who}: {who: Whoami}) => {
	const {view, folder} = usePlace();
	const Shown: FunctionComponent<{folder: string}> = viewsOf[view];
	useEffect(openLine, []);
	useEffect(followFiles, []);
	useEffect(() => {
		findLeftovers();
		return () => {
			endUploads();
			endSavings();
			lockKeyring();
		};
	}, []);
	useEffect(() => {
		document.title = `${titles[view].title} · PJAS`;
	}, [view]);
	return (
		<DropAnywhere folder={view === 'files' ? folder : ''}>
			<a
				className="skip"
				href="#content"
				onClick={event => {
					event.preventDefault();
					document.querySelector<HTMLElement>('#content')?.focus();
				}}
			>
				To the content
			</a>
			<header className="top">
				<a className="brand" href={hrefOf('files')}>
					PJAS
				</a>
				<Navigation view={view} who={who} />
				<Account who={who} />
			</header>
			<Line />
			<main id="content" tabIndex={-1}>
				<SavingRows />
				<LeftoverList />
				<Shown folder={folder} />
			</main>
			<UploadList />
			<Notice />
			<UnlockDialog />
		</DropAnywhere>
	);
};
