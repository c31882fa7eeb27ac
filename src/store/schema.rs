// @generated automatically by Diesel CLI.

diesel::table! {
    enqueue_outbox (job_id) {
        job_id -> Uuid,
    }
}

diesel::table! {
    handled_downloads (torrent_hash, file_index) {
        torrent_hash -> Text,
        file_index -> Int4,
        torrent_name -> Text,
        file -> Text,
        path -> Text,
        how -> Text,
        size_bytes -> Int8,
        partial -> Nullable<Text>,
        job_id -> Uuid,
        handled_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (key) {
        key -> Text,
        request -> Bytea,
        seed -> Uuid,
        node_id -> Nullable<Uuid>,
        execution -> Uuid,
        begun_at -> Timestamptz,
        created_at -> Timestamptz,
        status -> Nullable<Int2>,
        headers -> Nullable<Jsonb>,
        body -> Nullable<Bytea>,
    }
}

diesel::table! {
    job_curves (job_id) {
        job_id -> Uuid,
        attempt -> Int4,
        points -> Jsonb,
    }
}

diesel::table! {
    job_events (job_id, id) {
        job_id -> Uuid,
        id -> Int8,
        at -> Timestamptz,
        kind -> Text,
        attempt -> Int4,
        actor -> Nullable<Text>,
        reason -> Nullable<Text>,
        node_id -> Nullable<Uuid>,
        data -> Nullable<Jsonb>,
    }
}

diesel::table! {
    job_item_errors (job_id, seq) {
        job_id -> Uuid,
        seq -> Int4,
        item -> Text,
        error -> Text,
    }
}

diesel::table! {
    job_logs (job_id, seq) {
        job_id -> Uuid,
        seq -> Int8,
        at -> Timestamptz,
        level -> Text,
        target -> Text,
        message -> Text,
    }
}

diesel::table! {
    job_states (job_id) {
        job_id -> Uuid,
        attempt -> Int4,
        state -> Jsonb,
        bytes -> Int4,
        changed_by -> Uuid,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    job_types (name) {
        name -> Text,
        priority -> Int4,
        exclusive -> Bool,
        unique_by_params -> Bool,
        serial -> Bool,
        max_interruptions -> Int4,
        max_retries -> Int4,
        registered_at -> Timestamptz,
    }
}

diesel::table! {
    jobs (id) {
        id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        status -> Text,
        outcome -> Nullable<Text>,
        params -> Jsonb,
        metadata -> Jsonb,
        priority -> Int4,
        run_at -> Timestamptz,
        attempt -> Int4,
        interruptions -> Int4,
        max_interruptions -> Int4,
        node_id -> Nullable<Uuid>,
        progress -> Float8,
        message -> Nullable<Text>,
        processed_items -> Nullable<Int8>,
        total_items -> Nullable<Int8>,
        result -> Nullable<Jsonb>,
        error -> Nullable<Text>,
        error_count -> Int8,
        created_by -> Text,
        reason -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        retry_of -> Nullable<Uuid>,
        only_items -> Nullable<Jsonb>,
        exclusive_key -> Nullable<Text>,
        serial -> Bool,
        cancel -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        completed_at -> Nullable<Timestamptz>,
        rev -> Int8,
        rate_per_second -> Nullable<Float8>,
        eta_seconds -> Nullable<Int8>,
        turn_at -> Timestamptz,
        failures -> Int4,
        max_retries -> Int4,
        ancestors -> Array<Nullable<Uuid>>,
        child_key -> Nullable<Text>,
        schedule_id -> Nullable<Uuid>,
        queue_key -> Nullable<Text>,
        claim_id -> Nullable<Uuid>,
        expires_at -> Nullable<Timestamptz>,
        waiting_claim_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    media_files (path) {
        path -> Text,
        size -> Int8,
        mtime -> Timestamptz,
        container -> Nullable<Text>,
        oshash -> Nullable<Text>,
        sha256 -> Nullable<Text>,
        duration -> Nullable<Float8>,
        codec -> Nullable<Text>,
        width -> Nullable<Int4>,
        height -> Nullable<Int4>,
        first_seen -> Timestamptz,
        scanned_at -> Timestamptz,
        missing_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    nodes (id) {
        id -> Uuid,
        hostname -> Text,
        pid -> Int4,
        version -> Text,
        started_at -> Timestamptz,
        renewed_at -> Timestamptz,
        stopped_at -> Nullable<Timestamptz>,
        slots -> Jsonb,
        claiming -> Bool,
    }
}

diesel::table! {
    pauses (type_) {
        #[sql_name = "type"]
        type_ -> Text,
        paused_by -> Text,
        paused_at -> Timestamptz,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    performers (id) {
        id -> Text,
        name -> Text,
        disambiguation -> Nullable<Text>,
        aliases -> Array<Nullable<Text>>,
        gender -> Nullable<Text>,
        favorite -> Bool,
        details -> Nullable<Text>,
        stash_created_at -> Nullable<Timestamptz>,
        stash_updated_at -> Timestamptz,
        synced_at -> Timestamptz,
    }
}

diesel::table! {
    plan_changes (id) {
        id -> Uuid,
        plan_id -> Uuid,
        scene_id -> Text,
        scene_title -> Text,
        field -> Text,
        action -> Text,
        key -> Text,
        current -> Nullable<Jsonb>,
        proposed -> Nullable<Jsonb>,
        confidence -> Float8,
        reason -> Nullable<Text>,
        status -> Text,
        error -> Nullable<Text>,
        decided_by -> Nullable<Text>,
        decided_at -> Nullable<Timestamptz>,
        decision_reason -> Nullable<Text>,
        applied_at -> Nullable<Timestamptz>,
        scene_updated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    plan_scenes (plan_id, scene_id) {
        plan_id -> Uuid,
        scene_id -> Text,
    }
}

diesel::table! {
    plans (id) {
        id -> Uuid,
        job_id -> Uuid,
        name -> Text,
        status -> Text,
        source -> Text,
        model -> Nullable<Text>,
        params -> Jsonb,
        scene_total -> Int8,
        scene_count -> Int8,
        scene_errors -> Int8,
        note -> Nullable<Text>,
        requests -> Int8,
        input_tokens -> Int8,
        output_tokens -> Int8,
        cost -> Nullable<Float8>,
        created_at -> Timestamptz,
        built_at -> Nullable<Timestamptz>,
        applied_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    recent_starts (id) {
        id -> Int8,
        #[sql_name = "type"]
        type_ -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    removals (job_id) {
        job_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        node_id -> Uuid,
        rev -> Int8,
        at -> Timestamptz,
    }
}

diesel::table! {
    scene_groups (scene_id, group_id) {
        scene_id -> Text,
        group_id -> Text,
        name -> Text,
        scene_index -> Nullable<Int4>,
    }
}

diesel::table! {
    scene_performers (scene_id, performer_id) {
        scene_id -> Text,
        performer_id -> Text,
    }
}

diesel::table! {
    scene_tags (scene_id, tag_id) {
        scene_id -> Text,
        tag_id -> Text,
    }
}

diesel::table! {
    scenes (id) {
        id -> Text,
        title -> Text,
        code -> Nullable<Text>,
        details -> Nullable<Text>,
        director -> Nullable<Text>,
        urls -> Array<Nullable<Text>>,
        date -> Nullable<Text>,
        rating100 -> Nullable<Int4>,
        organized -> Bool,
        studio_id -> Nullable<Text>,
        path -> Nullable<Text>,
        size_bytes -> Nullable<Int8>,
        duration_seconds -> Nullable<Float8>,
        width -> Nullable<Int4>,
        height -> Nullable<Int4>,
        codec -> Nullable<Text>,
        oshash -> Nullable<Text>,
        phash -> Nullable<Text>,
        stash_created_at -> Nullable<Timestamptz>,
        stash_updated_at -> Timestamptz,
        synced_at -> Timestamptz,
    }
}

diesel::table! {
    schedule_runs (id) {
        id -> Int8,
        schedule_id -> Uuid,
        due_at -> Nullable<Timestamptz>,
        at -> Timestamptz,
        outcome -> Text,
        job_id -> Nullable<Uuid>,
        detail -> Nullable<Jsonb>,
        actor -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    schedules (id) {
        id -> Uuid,
        name -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        params -> Jsonb,
        cron -> Text,
        time_zone -> Text,
        enabled -> Bool,
        overlap -> Text,
        catch_up -> Text,
        priority -> Nullable<Int4>,
        reason -> Nullable<Text>,
        created_by -> Text,
        created_at -> Timestamptz,
        updated_by -> Text,
        updated_at -> Timestamptz,
        next_run_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Nullable<Jsonb>,
        secret -> Nullable<Bytea>,
        updated_at -> Timestamptz,
        updated_by -> Text,
    }
}

diesel::table! {
    stash_tasks (job_id) {
        job_id -> Uuid,
        task_id -> Text,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    studios (id) {
        id -> Text,
        name -> Text,
        url -> Nullable<Text>,
        details -> Nullable<Text>,
        aliases -> Array<Nullable<Text>>,
        parent_id -> Nullable<Text>,
        stash_created_at -> Nullable<Timestamptz>,
        stash_updated_at -> Timestamptz,
        synced_at -> Timestamptz,
    }
}

diesel::table! {
    sync_state (entity) {
        entity -> Text,
        stash -> Nullable<Text>,
        synced_until -> Nullable<Timestamptz>,
        done_job -> Nullable<Uuid>,
        done_at -> Nullable<Timestamptz>,
        run_job -> Nullable<Uuid>,
        run_began -> Nullable<Timestamptz>,
        run_since -> Nullable<Timestamptz>,
        run_after -> Int8,
        run_failed -> Bool,
        failing -> Array<Nullable<Text>>,
    }
}

diesel::table! {
    tags (id) {
        id -> Text,
        name -> Text,
        description -> Nullable<Text>,
        aliases -> Array<Nullable<Text>>,
        stash_created_at -> Nullable<Timestamptz>,
        stash_updated_at -> Timestamptz,
        synced_at -> Timestamptz,
    }
}

diesel::joinable!(plan_changes -> plans (plan_id));
diesel::joinable!(plan_scenes -> plans (plan_id));
diesel::joinable!(scene_groups -> scenes (scene_id));
diesel::joinable!(scene_performers -> scenes (scene_id));
diesel::joinable!(scene_tags -> scenes (scene_id));
diesel::joinable!(schedule_runs -> schedules (schedule_id));

diesel::allow_tables_to_appear_in_same_query!(
    enqueue_outbox,
    handled_downloads,
    idempotency_keys,
    job_curves,
    job_events,
    job_item_errors,
    job_logs,
    job_states,
    job_types,
    jobs,
    media_files,
    nodes,
    pauses,
    performers,
    plan_changes,
    plan_scenes,
    plans,
    recent_starts,
    removals,
    scene_groups,
    scene_performers,
    scene_tags,
    scenes,
    schedule_runs,
    schedules,
    settings,
    stash_tasks,
    studios,
    sync_state,
    tags,
);
