DROP TABLE plan_changes, plan_scenes, plans;
