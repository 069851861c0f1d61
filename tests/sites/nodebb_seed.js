// Content for the NodeBB of nodebb.py, made by NodeBB's own models. Arguments: its folder, config.json, wanted.json;
// prints what was made. Posts are made by posts.create as Topics.post makes them, without telling anybody.
'use strict';

const path = require('path');
const [, , folder, config, wanted] = process.argv;
const under = (file) => require(path.join(folder, file));
const nconf = under('node_modules/nconf');
nconf.file({ file: config });
nconf.defaults({
	base_dir: folder, themes_path: path.join(folder, 'node_modules'), views_dir: path.join(folder, 'public/templates'),
	upload_path: 'public/uploads', upload_url: '/uploads/', relative_path: '', isPrimary: 'true', isCluster: 'false',
});

const db = under('src/database');
const now = (call) => new Promise((done, fail) => call((error, value) => (error ? fail(error) : done(value))));

async function seed() {
	await now(db.init);
	const meta = under('src/meta');
	await now(meta.configs.init);
	const [categories, topics, posts, privileges, user] =
		['categories', 'topics', 'posts', 'privileges', 'user'].map((name) => under('src/' + name));
	const { categories: wantedCategories, topics: wantedTopics } = require(path.resolve(wanted));
	const uid = await now((next) => user.create({ username: 'zoé', password: 'carotte-sauvage' }, next));
	const made = { categories: {}, topics: [] };
	for (const one of wantedCategories) {
		const parentCid = one.above ? made.categories[one.above] : 0;
		const category = await now((next) => categories.create({ name: one.name, description: '', parentCid }, next));
		made.categories[one.name] = category.cid;
		if (one.private) {
			await now((next) => privileges.categories.rescind(['find', 'read', 'topics:read'], category.cid, 'guests', next));
		}
	}
	let at = Date.UTC(2024, 2, 1);
	for (const one of wantedTopics) {
		const cid = made.categories[one.category];
		const tid = await now((next) => topics.create({ uid, cid, title: one.title, timestamp: at }, next));
		const pids = [];
		for (const content of one.posts) {
			at += 60000;
			const isMain = !pids.length;
			const post = await now((next) => posts.create({ uid, tid, cid, content, timestamp: at, isMain }, next));
			pids.push(post.pid);
		}
		for (const index of one.deleted || []) {
			await now((next) => posts.delete(pids[index], uid, next));
		}
		if (one.gone) {
			await now((next) => topics.delete(tid, uid, next));
		}
		made.topics.push({ tid, slug: await now((next) => topics.getTopicField(tid, 'slug', next)), pids });
	}
	// Others of those installed with it fetch pictures from elsewhere when NodeBB starts.
	await now((next) => db.delete('plugins:active', next));
	await now((next) => db.sortedSetAdd('plugins:active', 0, 'nodebb-plugin-markdown', next));
	// A busy machine would else be told to come back later.
	await now((next) => db.setObjectField('config', 'eventLoopCheckEnabled', 0, next));
	await now((next) => db.setObjectField('config', 'eventLoopLagThreshold', 100000, next));
	console.log('\n' + JSON.stringify(made));
}

seed().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
