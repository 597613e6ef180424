"""Where each class of attacks is tested: by the case numbers of tables, or by tests that are named here.

A1–A90: inputs and behaviour of hostile clients. T1–T23: holes that other servers have had.
"""

LIVE = "tests/attacks/test_live.py"
SIGNATURES = "tests/unit/auth/test_attacks.py"
# Tables whose cases carry the number of their class.
TABLES = (LIVE, SIGNATURES)
CHUNKED, BODY = "tests/unit/auth/test_chunked.py", "tests/unit/auth/test_body.py"
FRAMING, PROTOCOL = "tests/serve/test_framing.py", "tests/serve/test_protocol.py"
REQUEST, CONSTANT = "tests/unit/auth/test_request.py", "tests/unit/auth/test_constant_time.py"
LISTS, XML, LATTICE = "tests/unit/s3/test_lists.py", "tests/unit/s3/test_xml_in.py", "tests/unit/s3/test_lattice.py"
NODE, FORM, CORS = "tests/unit/test_node_server.py", "tests/s3/test_post_form.py", "tests/s3/test_cors.py"
ACCESS, EVENTS, WEB = "tests/identity/test_access.py", "tests/s3/test_events.py", "tests/identity/test_web_identity.py"
BROWSER, RESOURCES = "tests/attacks/test_browser.py", "tests/attacks/test_resources.py"
MALFORMED = (
    f"{FRAMING}::test_malformed_requests_are_refused_and_change_nothing",
    f"{PROTOCOL}::test_malformed_request_is_refused",
)

NAMED: dict[str, tuple[str, ...]] = {
    "A18": (f"{SIGNATURES}::test_a18_a_key_that_was_revoked_is_unknown_at_once",),
    "A27": (f"{CHUNKED}::test_a27_truncated_at_every_byte",),
    "A28": (
        f"{CHUNKED}::test_a28_one_bit_flipped_anywhere_in_a_signed_body",
        f"{CHUNKED}::test_a28_chunks_swapped_dropped_duplicated",
        f"{CHUNKED}::test_a28_last_chunk_missing",
    ),
    "A29": (f"{CHUNKED}::test_a29_chunk_sizes", f"{CHUNKED}::test_a29_a_gigabyte_of_header_is_given_up_early"),
    "A30": (f"{BODY}::test_a30_decoded_content_length",),
    "A31": (f"{CHUNKED}::test_a31_trailers", f"{BODY}::test_a31_declared_trailers"),
    "A32": (f"{BODY}::test_a32_digests",),
    "A33": (f"{BODY}::test_a33_content_length",),
    "A34": ("tests/unit/s3/test_gateway.py::test_expectation_is_met_only_after_authentication",),
    **dict.fromkeys(("A35", "A36", "A37", "A38", "A39", "A40", "A41", "A42"), MALFORMED),
    "A43": (
        f"{FRAMING}::test_a43_request_behind_a_refused_one_is_not_done",
        f"{PROTOCOL}::test_a43_nothing_behind_an_early_answer_is_done",
    ),
    "A44": (
        f"{FRAMING}::test_a44_body_that_ends_early_is_not_committed",
        "tests/s3/test_chunked_uploads.py::test_body_that_breaks_off_commits_nothing",
    ),
    "A45": (
        f"{CORS}::test_a45_origin_splits_no_header",
        "tests/unit/s3/test_objects.py::test_no_control_byte_reaches_a_header",
        "tests/s3/test_website.py::test_routing_rules",
    ),
    "A50": (f"{LIVE}::test_a50_parts",),
    "A51": (f"{XML}::test_hostile", f"{XML}::test_other_encodings"),
    "A52": (
        "tests/s3/test_boto3.py::test_odd_keys_round_trip_and_list",
        f"{REQUEST}::test_bucket_and_key_come_from_the_raw_path",
    ),
    "A53": ("tests/s3/test_boto3.py::test_odd_keys_round_trip_and_list",),
    "A54": (f"{LISTS}::test_control_characters_without_encoding",),
    "A56": (f"{REQUEST}::test_no_two_keys_alias",),
    "A57": (f"{LIVE}::test_a57_what_looks_alike_is_not",),
    "A58": ("tests/unit/s3/test_buckets.py::test_bad_names",),
    "A59": ("tests/unit/s3/test_ranges.py::test_any_header_is_a_span_or_nothing",),
    "A63": (
        f"{FORM}::test_a63_filename_never_brings_a_path",
        f"{FORM}::test_a63_bucket_field_does_not_count",
        f"{FORM}::test_refused",
    ),
    "A66": (
        f"{LIVE}::test_a66_keys_are_text_in_every_document",
        "tests/lifecycle/test_inventory.py::test_csv_of_what_is_current",
    ),
    "A67": (
        "tests/unit/identity/test_parse.py::test_refused",
        "tests/unit/identity/test_evaluate.py::test_a_pattern_made_to_be_slow_is_not",
    ),
    "A69": ("tests/s3/test_tagging.py::test_limits",),
    "A70": (
        f"{FRAMING}::test_a70_slow_headers_are_closed_in_time",
        f"{PROTOCOL}::test_a70_slow_reader_is_closed",
        f"{BODY}::test_a70_a_body_that_drips_is_given_up",
        f"{FRAMING}::test_a70_idle_connections_do_not_keep_others_out",
    ),
    "A71": (
        f"{LIVE}::test_a71_many_open_uploads",
        f"{FRAMING}::test_many_broken_requests_cost_little",
        f"{RESOURCES}::test_a71_broken_puts_leave_nothing",
        f"{RESOURCES}::test_a71_ten_thousand_uploads_and_broken_puts",
    ),
    "A72": (f"{LIVE}::test_a72_what_is_compressed_stays_so",),
    "A73": (f"{RESOURCES}::test_a73_names_without_number",),
    "A74": (
        "tests/meta/test_listing.py::test_delimited_skips",
        "tests/meta/test_plans.py::test_plan",
        "tests/meta/test_many_keys.py::test_ten_million_keys",
    ),
    "A75": (f"{CONSTANT}::test_unknown_key_and_wrong_secret_take_the_same_path",),
    "A76": ("tests/unit/s3/test_answers.py::test_whoever_waits_too_long_is_told_to_slow_down",),
    "A77": (
        f"{NODE}::test_without_credentials_nothing_is_read",
        f"{NODE}::test_credentials_are_for_one_request_alone",
        f"{NODE}::test_old_requests_are_refused_and_clients_learn_the_nodes_time",
    ),
    "A78": (
        f"{NODE}::test_what_is_no_request_is_refused_before_a_file_is_touched",
        f"{NODE}::test_a_shard_of_another_drive_is_not_here",
    ),
    "A79": (f"{NODE}::test_bodies_are_bounded",),
    "A80": (
        "tests/meta/test_races.py::test_sealing_is_a_fence",
        "tests/unit/test_node_server.py::test_answers_are_held_to_what_they_say",
    ),
    "A81": (f"{LIVE}::test_a81_no_header_says_where_a_request_comes_from",),
    "A82": (f"{CORS}::test_actual_requests", f"{CORS}::test_preflight"),
    "A83": (
        f"{BROWSER}::test_a83_the_cookie_alone_does_nothing",
        f"{BROWSER}::test_a83_the_token_does_nothing_for_other_sites",
        f"{BROWSER}::test_a83_another_site_cannot_sign_somebody_in",
        f"{BROWSER}::test_a83_no_page_is_shown_in_a_frame",
        "tests/unit/console/test_session.py::test_the_cookie_is_secure_where_the_browser_sees_tls",
    ),
    "A84": (f"{EVENTS}::test_a84_no_request_to_a_private_address",),
    "A85": (f"{ACCESS}::test_the_audit_log", f"{EVENTS}::test_access_log"),
    "A86": (
        f"{ACCESS}::test_no_secret_is_written_anywhere",
        "tests/unit/identity/test_sealing.py::test_for_nobody_else_and_with_no_other_key",
    ),
    "A87": (f"{LIVE}::test_a87_open_pages_hold_no_secret",),
    "A88": ("tests/unit/test_certificates.py::test_clients_verify_it_and_old_versions_are_refused",),
    "A89": ("tests/unit/test_packaging.py::test_lock_files_are_pinned_by_hash_and_name_no_index",),
    "A90": ("tests/serve/test_lifecycle.py::test_stop_start_kill_start_keep_what_was_answered",),
    "T1": (f"{SIGNATURES}::test_t1_no_payload_mode_skips_the_signature",),
    "T2": (f"{LIVE}::test_t2_nothing_is_open_without_credentials",),
    "T3": (f"{EVENTS}::test_a84_no_request_to_a_private_address",),
    "T4": (f"{LATTICE}::test_what_is_denied_touches_nothing", "tests/identity/test_iam.py::test_who_may_manage"),
    "T5": (
        f"{LATTICE}::test_every_operation_has_a_row_and_a_known_action",
        "tests/serve/test_ops.py::test_admin_needs_root_credentials",
    ),
    "T6": (
        f"{LATTICE}::test_what_is_denied_touches_nothing",
        f"{ACCESS}::test_the_source_of_a_copy_has_to_be_readable",
    ),
    "T7": (
        "tests/s3/test_object_lock.py::test_compliance_is_bypassed_by_nobody",
        "tests/s3/test_object_lock.py::test_retention_holds_until_it_is_bypassed",
    ),
    "T8": (f"{LIVE}::test_t8_nobody_learns_by_conditions_what_is_there",),
    "T10": ("tests/s3/test_presigned.py::test_what_is_not_signed_for_is_refused",),
    "T11": (f"{XML}::test_hostile",),
    "T13": (f"{ACCESS}::test_no_secret_is_written_anywhere",),
    "T14": (f"{CONSTANT}::test_no_secret_is_compared_with_equals",),
    "T15": ("tests/unit/auth/test_botocore_oracle.py::test_what_is_changed_after_signing_is_refused",),
    "T16": (f"{WEB}::test_t16_what_opens_nothing",),
    "T17": (f"{NODE}::test_weak_secrets_are_refused", f"{NODE}::test_credentials_are_for_one_request_alone"),
    "T18": (f"{NODE}::test_what_is_no_request_is_refused_before_a_file_is_touched",),
    "T19": (
        f"{SIGNATURES}::test_t19_nothing_is_received_before_authentication",
        f"{PROTOCOL}::test_every_malformed_request_in_single_bytes",
    ),
    "T20": (
        f"{LIVE}::test_a66_keys_are_text_in_every_document",
        "tests/s3/test_website.py::test_what_is_not_there",
        f"{BROWSER}::test_t20_what_an_object_says_runs_in_an_origin_of_its_own",
        f"{BROWSER}::test_t20_bytes_of_no_type_are_downloaded",
        f"{BROWSER}::test_t20_documents_of_the_server_run_nothing",
        "tests/console/test_content.py::test_an_object_opened_in_the_browser_has_no_part_in_the_console",
    ),
    "T21": ("tests/unit/identity/test_differential.py::test_the_same_as_the_slow_one",),
    "T22": ("tests/s3/test_encryption.py::test_no_plaintext_on_any_drive",),
}
