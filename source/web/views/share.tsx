import {type SubmitEvent, useCallback, useEffect, useState} from 'react';
import type {OpenedFile} from '../../client/opened-files.js';
import {formatShareUrl, parseShareUrl} from '../../client/share-url.js';
import {type FileView, fileAnswerSchema, okSchema} from '../../protocol/api.js';
import {createdLinkSchema, type LinkView, linksSchema} from '../../protocol/people-api.js';
import {visibilities, type Visibility} from '../../protocol/people.js';
import {call} from '../api.js';
import {tell, tellProblem} from '../deeds.js';
import {textOf} from '../form-text.js';
import {putFile} from '../files-store.js';
import {keyring} from '../sealing.js';
import {Copy} from './copy.js';
import {Field, Problem} from './parts.js';
import {TakeBack} from './take-back.js';
import {count, exactDate} from './words.js';

const DAY_S = 24 * 3600;
const lifetimes = [
	{label: 'A day', seconds: DAY_S},
	{label: 'A week', seconds: 7 * DAY_S},
	{label: 'A month', seconds: 30 * DAY_S},
	{label: 'A year', seconds: 365 * DAY_S},
];

const readers: Record<Visibility, string> = {
	private: 'Only its owner, and those named',
	network: 'Everybody who is signed in',
	public: 'Everybody',
};

/** What is special about a link, in words. */
export const linkText = ({
	expires_at: expiresAt,
	has_password: hasPassword,
	max_downloads: most,
	downloads,
}: LinkView): string =>
	[
		`until ${exactDate(expiresAt)}`,
		...(hasPassword ? ['with a password'] : []),
		...(most === null ? [] : [`${downloads ?? 0} of ${count(most, 'download')} used`]),
	].join(', ');

export const revokeLink = async ({id}: LinkView): Promise<void> => {
	await call('revokeLink', okSchema, {id});
	tell({text: 'The link is taken back: it leads nowhere any more'});
};

/** Where a file is sealed end to end, its key goes behind the `#`, which no browser sends. */
const withKey = (url: string, file: OpenedFile): string => {
	const key = file.e2e && keyring.get()?.vault.known(file.file_id);
	const shared = key && parseShareUrl(url);
	return shared ? formatShareUrl({...shared, key}) : url;
};

const NewLink = ({file, onMade}: {file: OpenedFile; onMade: (url: string) => void}) => {
	const [problem, setProblem] = useState<unknown>();
	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		const password = textOf(form, 'password');
		const most = textOf(form, 'most');
		const json = {
			expires_in_s: Number(textOf(form, 'lifetime')),
			...(password !== '' && {password}),
			...(most !== '' && {max_downloads: Number(most)}),
		};
		setProblem(undefined);
		call('createLink', createdLinkSchema, {id: file.file_id, json}).then(
			({url}) => onMade(withKey(url, file)),
			setProblem,
		);
	};
	return (
		<form className="stack" onSubmit={submit}>
			<div className="fields">
				<Field label="It works for">
					{({id}) => (
						<select id={id} name="lifetime" defaultValue={7 * DAY_S}>
							{lifetimes.map(({label, seconds}) => (
								<option key={seconds} value={seconds}>
									{label}
								</option>
							))}
						</select>
					)}
				</Field>
				<Field label="Password, if you want one">
					{({id}) => <input id={id} name="password" type="password" autoComplete="new-password" maxLength={256} />}
				</Field>
				<Field label="Most downloads, if you want a limit">
					{({id}) => <input id={id} name="most" type="number" min={1} max={1_000_000} />}
				</Field>
			</div>
			{problem !== undefined && <Problem error={problem} />}
			<div className="buttons">
				<button type="submit" className="main">
					Make a link
				</button>
			</div>
		</form>
	);
};

const Readers = ({file}: {file: FileView}) => {
	const [problem, setProblem] = useState<unknown>();
	// Said here: what is told behind a dialog, nobody hears.
	const [isSaved, setIsSaved] = useState(false);
	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		const form = new FormData(event.currentTarget);
		const names = textOf(form, 'names')
			.split(/[\s,]+/)
			.filter(name => name !== '');
		const json = {visibility: textOf(form, 'visibility'), shared_with: names.map(name => name.toLowerCase())};
		setProblem(undefined);
		setIsSaved(false);
		call('changeFile', fileAnswerSchema, {id: file.file_id, json}).then(({file: changed}) => {
			putFile(changed);
			setIsSaved(true);
		}, setProblem);
	};
	return (
		<form className="stack" onSubmit={submit}>
			<div className="fields">
				<Field label="Who can open it">
					{({id}) => (
						<select id={id} name="visibility" defaultValue={file.visibility}>
							{visibilities.map(visibility => (
								<option key={visibility} value={visibility}>
									{readers[visibility]}
								</option>
							))}
						</select>
					)}
				</Field>
				<Field label="Names, with commas between">
					{({id}) => (
						<input
							id={id}
							name="names"
							defaultValue={file.shared_with.join(', ')}
							autoComplete="off"
							autoCapitalize="none"
						/>
					)}
				</Field>
			</div>
			{problem !== undefined && <Problem error={problem} />}
			<div className="buttons">
				<button type="submit">Save</button>
				<p className="hint" role="status">
					{isSaved && 'Saved.'}
				</p>
			</div>
		</form>
	);
};

/** Who may have a file: members by name, and anybody by links. */
const Share = ({file}: {file: OpenedFile}) => {
	const [links, setLinks] = useState<LinkView[]>([]);
	const [url, setUrl] = useState<string>();
	const load = useCallback(() => {
		call('links', linksSchema, {query: {file: file.file_id}}).then(({links: found}) => setLinks(found), tellProblem);
	}, [file.file_id]);
	useEffect(load, [load]);
	return (
		<section className="stack" aria-label="Share">
			{file.e2e ? (
				<p className="hint">
					It is sealed end to end: nobody opens it without its key, which a link carries. Whoever has the link has the
					key.
				</p>
			) : (
				<>
					<h3>Share with members</h3>
					<Readers file={file} />
				</>
			)}
			<h3>Share by a link</h3>
			{url === undefined ? (
				<NewLink
					file={file}
					onMade={made => {
						setUrl(made);
						load();
					}}
				/>
			) : (
				<>
					<Copy label="The link" text={url} />
					<p className="hint">It is shown this once. Whoever has it gets the file, without an account.</p>
				</>
			)}
			{links.length > 0 && (
				<ul className="rows" aria-label="Links to this file">
					{links.map(link => (
						<li key={link.id}>
							<span>A link {linkText(link)}</span>
							<TakeBack what={`the link ${linkText(link)}`} act={async () => revokeLink(link)} onDone={load} />
						</li>
					))}
				</ul>
			)}
		</section>
	);
};

export default Share;
