import {isSealing, keyring, unlocking} from '../sealing.js';
import {useStore} from '../store.js';
import {later} from './later.js';
import {Dialog, Icon} from './parts.js';

const Unlock = later(async () => import('./unlock.js'));

/** Stands over the page while the keyring's passphrase is asked for. */
export const UnlockDialog = () => {
	const wanted = useStore(unlocking);
	if (wanted === undefined) return null;
	return (
		<Dialog title="Your keyring" onClose={() => unlocking.set(undefined)}>
			<Unlock />
		</Dialog>
	);
};

/** Says whether what is added is sealed end to end. */
export const SealSwitch = () => {
	const isOn = useStore(isSealing);
	const toggle = () => {
		if (isOn) isSealing.set(false);
		else if (keyring.get()) isSealing.set(true);
		else unlocking.set('seal');
	};
	return (
		<label className="switch" title="Only you, and whoever you give a link, can open what is sealed end to end">
			<input type="checkbox" checked={isOn} onChange={toggle} />
			<Icon name="lock" />
			Seal uploads end to end
		</label>
	);
};

/** Says that there is more to see once the keyring is open. */
export const LockedNote = ({text}: {text: string}) => (
	<div className="locked">
		<Icon name="lock" />
		<p className="grow">{text}</p>
		<button type="button" onClick={() => unlocking.set('see')}>
			Unlock
		</button>
	</div>
);
