DROP TABLE stash_tasks, sync_state, scene_groups, scene_tags, scene_performers, scenes, tags, performers, studios;
