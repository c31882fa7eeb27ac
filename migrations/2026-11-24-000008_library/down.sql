DROP TABLE sync_state, scene_groups, scene_tags, scene_performers, scenes, tags, performers, studios;
