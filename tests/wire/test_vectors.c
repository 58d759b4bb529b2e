/* The vectors against our code. They came from another program, so whatever agrees here is what
 * PROTOCOL.md says, and not only what our encoder and decoder agree on. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "tests/wire/recode.h"
#include "tests/wire/vector.h"
#include "wire/frontier.h"
#include "wire/message.h"
#include "wire/pairing_code.h"
#include "wire/recovery_code.h"

static struct vector vector;

static void cr_bytes(struct ps_bytes found, const char *name)
{
    struct ps_bytes expected = vector_get(&vector, name);
    cr_assert(ps_bytes_equal(found, expected), "%s differs (%zu bytes, expected %zu)", name,
              found.size, expected.size);
}

static void teardown(void)
{
    vector_free(&vector);
}

TestSuite(vectors, .fini = teardown);

static void check_recode(const char *name, recode_fn *recode)
{
    struct ps_buf out;
    ps_buf_init(&out, PS_MESSAGE_SIZE_MAX);
    vector_read(&vector, name);
    cr_assert_eq(recode(vector_get(&vector, "bytes"), &out), P2PSYNC_OK, "%s", name);
    cr_bytes(ps_buf_view(&out), "bytes");
    ps_buf_deinit(&out);
}

static void check_all(const char *const *names, size_t count, recode_fn *recode)
{
    for (size_t i = 0; i < count; i++) {
        check_recode(names[i], recode);
        vector_free(&vector);
    }
}

Test(vectors, are_hex_in_pieces_that_may_be_repeated)
{
    static const struct {
        const char *text;
        const char *bytes;
    } cases[] = {
        {"", ""},
        {"616263", "abc"},
        {"61 6263", "abc"},
        {"61*4", "aaaa"},
        {"6162*2 63 64*10", "ababcdddddddddd"},
    };
    struct ps_buf out;
    ps_buf_init(&out, VECTOR_VALUE_SIZE_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ps_buf_clear(&out);
        cr_assert(vector_parse(cases[i].text, &out), "%s", cases[i].text);
        cr_assert(ps_bytes_equal(ps_buf_view(&out), ps_bytes_text(cases[i].bytes)), "%s",
                  cases[i].text);
    }
    ps_buf_clear(&out);
    cr_assert(vector_parse("61*67108864", &out));
    cr_assert_eq(out.size, VECTOR_VALUE_SIZE_MAX);
    ps_buf_deinit(&out);
}

Test(vectors, are_refused_if_they_are_not_hex_or_too_large)
{
    static const char *const texts[] = {
        "6",
        "6g",
        "6A",
        " ",
        " 61",
        "61 ",
        "61  62",
        "61,62",
        "*2",
        "61 *2",
        "61*",
        "61*0",
        "61*1",
        "61*02",
        "61*-2",
        "61*+2",
        "61* 2",
        "61*2*2",
        "61*0x2",
        "61*2a",
        "61*67108865",
        "6161*33554433",
        "61*67108864 62",
        "61*18446744073709551618",
    };
    struct ps_buf out;
    ps_buf_init(&out, VECTOR_VALUE_SIZE_MAX);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ps_buf_clear(&out);
        cr_assert(!vector_parse(texts[i], &out), "%s", texts[i]);
    }
    ps_buf_deinit(&out);
}

Test(vectors, decode_and_encode_to_the_same_bytes)
{
    static const char *const skeletons[] = {"skeleton_create", "skeleton_update", "skeleton_merge",
                                            "skeleton_fork"};
    static const char *const bodies[] = {"body_fields", "body_all", "body_empty", "body_values",
                                         "body_limits"};
    static const char *const messages[] = {
        "message_hello",        "message_hello_subscribed",
        "message_summary_hash", "message_summary",
        "message_heads",        "message_want",
        "message_want_again",   "message_changes",
        "message_ack",          "message_peers",
        "message_error",        "message_join",
        "message_welcome",      "message_changes_short",
        "message_summary_part",
    };
    check_all(skeletons, sizeof skeletons / sizeof *skeletons, recode_skeleton);
    check_all(bodies, sizeof bodies / sizeof *bodies, recode_body);
    check_all(messages, sizeof messages / sizeof *messages, recode_message);
    check_recode("head", recode_head);
}

Test(vectors, identity_derives_keys_tags_and_texts)
{
    vector_read(&vector, "identity");
    uint8_t secret[64];
    struct ps_mesh mesh;
    struct ps_origin origin;
    char text[PS_DOT_TEXT_SIZE];
    crypto_sign_seed_keypair(mesh.founder.key, secret, vector_get(&vector, "seed").data);
    memcpy(mesh.nonce, vector_get(&vector, "nonce").data, PS_MESH_NONCE_SIZE);
    origin = (struct ps_origin){mesh.founder, vector_uint(&vector, "incarnation")};
    struct ps_tag origin_tag = ps_origin_tag(&mesh, &origin);
    uint64_t nonce = vector_uint(&vector, "beacon_nonce");
    struct ps_tag mesh_tag = ps_mesh_tag(&mesh, nonce);
    struct ps_tag device_tag = ps_device_tag(&mesh, nonce, &mesh.founder);

    cr_bytes(ps_bytes(mesh.founder.key, PS_DEVICE_SIZE), "device");
    cr_bytes(ps_bytes(&mesh, PS_MESH_SIZE), "mesh");
    cr_bytes(ps_bytes(origin_tag.bytes, PS_TAG_SIZE), "origin_tag");
    cr_bytes(ps_bytes(mesh_tag.bytes, PS_TAG_SIZE), "mesh_tag");
    cr_bytes(ps_bytes(device_tag.bytes, PS_TAG_SIZE), "device_tag");
    ps_device_fingerprint(&mesh.founder, text);
    cr_bytes(ps_bytes_text(text), "fingerprint");
    ps_dot_text((struct ps_dot){origin_tag, vector_uint(&vector, "seq")}, text);
    cr_bytes(ps_bytes_text(text), "dot");
}

Test(vectors, skeleton_has_the_values_of_its_vector)
{
    struct ps_skeleton skeleton;
    vector_read(&vector, "skeleton_update");
    cr_assert_eq(ps_skeleton_decode(vector_get(&vector, "bytes"), &skeleton), P2PSYNC_OK);
    cr_assert_eq(skeleton.op_and_flags, vector_uint(&vector, "op_and_flags"));
    cr_assert_eq(skeleton.hlc, vector_uint(&vector, "hlc"));
    cr_assert_eq(skeleton.parent_count, 1);
    cr_assert_eq(skeleton.body_size, vector_uint(&vector, "body_size"));
    cr_bytes(skeleton.record_id, "record_id");
}

Test(vectors, parents_on_two_histories_ascend_by_their_leaves)
{
    struct ps_skeleton skeleton;
    struct ps_buf bytes;
    vector_read(&vector, "skeleton_fork");
    cr_assert_eq(ps_skeleton_decode(vector_get(&vector, "bytes"), &skeleton), P2PSYNC_OK);
    cr_assert_eq(skeleton.parent_count, 2);
    cr_assert_eq(ps_dot_compare(skeleton.parents[0].dot, skeleton.parents[1].dot), 0);
    struct ps_parent first = skeleton.parents[0];
    skeleton.parents[0] = skeleton.parents[1];
    skeleton.parents[1] = first;
    ps_buf_init(&bytes, 1000);
    cr_assert_eq(ps_skeleton_encode(&skeleton, &bytes), P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(ps_buf_view(&bytes), &skeleton), P2PSYNC_EFORMAT);
    ps_buf_clear(&bytes);
    skeleton.parents[1] = skeleton.parents[0];
    cr_assert_eq(ps_skeleton_encode(&skeleton, &bytes), P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(ps_buf_view(&bytes), &skeleton), P2PSYNC_EFORMAT);
    ps_buf_deinit(&bytes);
}

Test(vectors, body_has_the_values_of_its_vector)
{
    struct ps_body body;
    vector_read(&vector, "body_all");
    cr_assert_eq(ps_body_decode(vector_get(&vector, "bytes"), &body), P2PSYNC_OK);
    cr_bytes(body.fields, "fields");
    cr_bytes(body.unset, "unset");
    cr_bytes(body.note, "note");
}

Test(vectors, bodies_that_are_not_valid_are_refused)
{
    vector_read(&vector, "body_not_valid");
    cr_assert_gt(vector.count, 0);
    for (size_t i = 0; i < vector.count; i++) {
        struct ps_body body;
        p2psync_result result = ps_body_decode(ps_buf_view(&vector.value[i]), &body);
        cr_assert(result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT, "%s", vector.name[i]);
    }
}

Test(vectors, body_is_nested_as_deep_as_it_may_be)
{
    struct ps_body body;
    vector_read(&vector, "body_limits");
    cr_assert_eq(ps_body_decode(vector_get(&vector, "nested"), &body), P2PSYNC_OK);
    cr_bytes(body.fields, "nested_fields");
    cr_bytes(body.note, "nested_note");
}

Test(vectors, skeleton_is_nested_as_deep_as_it_may_be)
{
    struct ps_skeleton skeleton;
    vector_read(&vector, "skeleton_nested");
    cr_assert_eq(ps_skeleton_decode(vector_get(&vector, "valid"), &skeleton), P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(vector_get(&vector, "not_valid"), &skeleton), P2PSYNC_ELIMIT);
}

Test(vectors, leaf_hash_is_that_of_its_vector)
{
    vector_read(&vector, "leaf");
    struct ps_hash body_hash = ps_hash_bytes(vector_get(&vector, "body"));
    struct ps_hash leaf = ps_hash_leaf(vector_get(&vector, "skeleton"), &body_hash);
    cr_bytes(ps_bytes(body_hash.bytes, PS_HASH_SIZE), "body_hash");
    cr_bytes(ps_bytes(leaf.bytes, PS_HASH_SIZE), "leaf");
}

static void check_root(const struct ps_frontier *frontier, const char *name)
{
    struct ps_hash root = ps_frontier_root(frontier);
    cr_bytes(ps_bytes(root.bytes, PS_HASH_SIZE), name);
}

static void check_proof(const char *name, struct ps_range sizes, const char *from, const char *to)
{
    struct ps_proof proof;
    struct ps_hash from_root;
    struct ps_hash to_root;
    struct ps_bytes nodes = vector_get(&vector, name);
    memcpy(from_root.bytes, vector_get(&vector, from).data, PS_HASH_SIZE);
    memcpy(to_root.bytes, vector_get(&vector, to).data, PS_HASH_SIZE);
    proof.count = nodes.size / PS_HASH_SIZE;
    memcpy(proof.node, nodes.data, nodes.size);
    cr_assert_eq(ps_proof_verify(&proof, sizes, &from_root, &to_root), P2PSYNC_OK);
    cr_assert_eq(ps_proof_verify(&proof, sizes, &to_root, &from_root), P2PSYNC_EPROOF);
}

Test(vectors, tree_has_the_roots_and_proofs_of_its_vector)
{
    vector_read(&vector, "tree");
    struct ps_frontier frontier = {.size = 0};
    struct ps_bytes leaves = vector_get(&vector, "leaves");
    check_root(&frontier, "root_0");
    for (size_t size = 1; size <= 11; size++) {
        char name[16];
        struct ps_hash leaf;
        memcpy(leaf.bytes, leaves.data + (size - 1) * PS_HASH_SIZE, PS_HASH_SIZE);
        ps_frontier_add(&frontier, &leaf, NULL, NULL);
        (void)snprintf(name, sizeof name, "root_%zu", size);
        if (size <= 3 || (size >= 6 && size <= 8) || size == 11) {
            check_root(&frontier, name);
        }
    }
    check_proof("proof_6_11", (struct ps_range){6, 11}, "root_6", "root_11");
    check_proof("proof_8_11", (struct ps_range){8, 11}, "root_8", "root_11");
}

Test(vectors, head_signs_and_verifies_as_its_vector)
{
    vector_read(&vector, "head");
    uint8_t secret[64];
    struct ps_mesh mesh;
    struct ps_origin origin = {.incarnation = vector_uint(&vector, "incarnation")};
    struct ps_head head = {.size = vector_uint(&vector, "size")};
    crypto_sign_seed_keypair(origin.device.key, secret, vector_get(&vector, "seed").data);
    memcpy(&mesh, vector_get(&vector, "mesh").data, PS_MESH_SIZE);
    memcpy(head.root.bytes, vector_get(&vector, "root").data, PS_HASH_SIZE);
    struct ps_head_context context = {&mesh, vector_get(&vector, "collection"), &origin};

    cr_assert_eq(ps_head_sign(&head, &context, secret), P2PSYNC_OK);
    cr_bytes(ps_bytes(head.signature, PS_SIGNATURE_SIZE), "signature");
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_OK);
    head.size++;
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

Test(vectors, hello_has_the_values_of_its_vector)
{
    struct ps_hello hello;
    vector_read(&vector, "message_hello");
    cr_assert_eq(ps_hello_decode(vector_get(&vector, "bytes"), &hello), P2PSYNC_OK);
    cr_assert_eq(hello.capabilities, vector_uint(&vector, "capabilities"));
    cr_assert_eq(hello.instance, vector_uint(&vector, "instance"));
    cr_assert_eq(hello.clock_ms, vector_uint(&vector, "clock_ms"));
    cr_assert_eq(hello.state.pending, vector_uint(&vector, "pending"));
    cr_assert_eq(hello.listen_count, 3);
    cr_assert_eq(hello.subscriptions.size, 0);
    cr_bytes(hello.name, "name");
    cr_bytes(ps_bytes(hello.device.key, PS_DEVICE_SIZE), "device");
    cr_bytes(ps_bytes(hello.mesh.nonce, PS_MESH_NONCE_SIZE), "mesh_nonce");
}

Test(vectors, subscriptions_are_the_bytes_of_their_array)
{
    struct ps_hello hello;
    vector_read(&vector, "message_hello_subscribed");
    cr_assert_eq(ps_hello_decode(vector_get(&vector, "bytes"), &hello), P2PSYNC_OK);
    cr_bytes(hello.subscriptions, "subscriptions");
    cr_assert_eq(hello.version_min, 1);
    cr_assert_eq(hello.version_max, 3);
}

Test(vectors, summary_has_the_values_of_its_vector)
{
    struct ps_summary summary;
    vector_read(&vector, "message_summary_hash");
    cr_assert_eq(ps_summary_decode(vector_get(&vector, "bytes"), &summary), P2PSYNC_OK);
    cr_assert(summary.reply);
    cr_bytes(ps_bytes(summary.state.common.bytes, PS_HASH_SHORT_SIZE), "common");
    cr_assert_eq(summary.state.pending, vector_uint(&vector, "pending"));
    cr_assert_eq(summary.clock_ms, vector_uint(&vector, "clock_ms"));
}

Test(vectors, summary_says_what_it_is_of_as_its_vector)
{
    struct ps_summary summary;
    struct ps_summary_part part;
    struct ps_cursor cursor;
    vector_read(&vector, "message_summary");
    cr_assert_eq(ps_summary_decode(vector_get(&vector, "bytes"), &summary), P2PSYNC_OK);
    cr_assert_eq(summary.from.size + summary.to.size, 0);
    (void)ps_message_cursor_begin(&cursor, summary.heads);
    cr_assert(ps_summary_next_collection(&cursor, &part));
    cr_assert(ps_log_range_is_all(&part.logs));
    vector_free(&vector);
    vector_read(&vector, "message_summary_part");
    cr_assert_eq(ps_summary_decode(vector_get(&vector, "bytes"), &summary), P2PSYNC_OK);
    cr_bytes(summary.from, "from");
    cr_bytes(summary.to, "to");
    cr_assert_eq(ps_message_cursor_begin(&cursor, summary.heads), 1);
    cr_assert(ps_summary_next_collection(&cursor, &part));
    cr_bytes(ps_bytes(&part.logs.first, sizeof part.logs.first), "first");
    cr_bytes(ps_bytes(&part.logs.last, sizeof part.logs.last), "last");
}

Test(vectors, heads_has_the_values_of_its_vector)
{
    struct ps_cursor cursor;
    struct ps_heads_item item;
    vector_read(&vector, "message_heads");
    cr_assert_eq(ps_heads_decode(vector_get(&vector, "bytes"), &cursor), P2PSYNC_OK);
    cr_assert_eq(cursor.left, 2);
    cr_assert(ps_heads_next(&cursor, &item));
    cr_assert_eq(item.size, vector_uint(&vector, "size"));
    cr_assert_eq(item.head.size, vector_uint(&vector, "head_size"));
    cr_assert_eq(item.proof_size, vector_uint(&vector, "proof_size"));
    cr_bytes(ps_bytes(item.proof.node, item.proof.count * PS_HASH_SIZE), "proof");
    cr_assert_eq(item.log.number, vector_uint(&vector, "number"));
    cr_assert(ps_heads_next(&cursor, &item));
    cr_assert_eq(item.log.number, 0);
    cr_assert_eq(item.log.branch[15], 16);
    cr_assert_not(ps_heads_next(&cursor, &item));
}

Test(vectors, want_has_the_values_of_its_vector)
{
    struct ps_want want;
    vector_read(&vector, "message_want");
    cr_assert_eq(ps_want_decode(vector_get(&vector, "bytes"), &want), P2PSYNC_OK);
    cr_assert_eq(want.from, vector_uint(&vector, "from"));
    cr_assert_eq(want.credit, vector_uint(&vector, "credit"));
    cr_assert_not(want.again);
    cr_assert_eq(want.log.number, vector_uint(&vector, "number"));
    cr_assert_eq(want.log.collection.size, 0);
}

Test(vectors, changes_without_a_root_have_the_values_of_their_vector)
{
    struct ps_changes changes;
    struct ps_entry entry;
    vector_read(&vector, "message_changes_short");
    cr_assert_eq(ps_changes_decode(vector_get(&vector, "bytes"), &changes), P2PSYNC_OK);
    cr_assert_eq(changes.from, vector_uint(&vector, "from"));
    cr_assert_eq(changes.log.number, vector_uint(&vector, "number"));
    cr_assert(changes.root_implied);
    cr_assert(changes.state.as_before);
    cr_bytes(changes.entries, "entry");
    cr_assert_eq(ps_changes_next(&changes.entries, &entry), P2PSYNC_OK);
    struct ps_hash leaf = ps_change_leaf(&entry);
    cr_bytes(ps_bytes(leaf.bytes, PS_HASH_SIZE), "leaf");
}

Test(vectors, ack_has_the_values_of_its_vector)
{
    struct ps_ack ack;
    struct ps_cursor cursor;
    struct ps_position position;
    vector_read(&vector, "message_ack");
    cr_assert_eq(ps_ack_decode(vector_get(&vector, "bytes"), &ack), P2PSYNC_OK);
    cr_bytes(ps_bytes(ack.state.common.bytes, PS_HASH_SHORT_SIZE), "common");
    cr_assert_eq(ack.state.pending, vector_uint(&vector, "pending"));
    cr_assert_eq(ps_message_cursor_begin(&cursor, ack.positions), 2);
    cr_assert(ps_ack_next(&cursor, &position));
    cr_assert_eq(position.log.number, vector_uint(&vector, "number"));
    cr_assert_eq(position.size, vector_uint(&vector, "size"));
    cr_assert_eq(position.settled, vector_uint(&vector, "settled"));
    cr_assert(ps_ack_next(&cursor, &position));
    cr_assert_eq(position.log.collection.size, strlen("notes"));
    cr_assert_eq(position.settled, PS_LOG_SIZE_MAX);
}

Test(vectors, changes_has_the_entries_of_its_vector)
{
    struct ps_changes changes;
    struct ps_entry entry;
    vector_read(&vector, "message_changes");
    cr_assert_eq(ps_changes_decode(vector_get(&vector, "bytes"), &changes), P2PSYNC_OK);
    cr_assert_eq(ps_changes_next(&changes.entries, &entry), P2PSYNC_OK);
    cr_assert(entry.has_body);
    struct ps_hash leaf = ps_change_leaf(&entry);
    cr_bytes(ps_bytes(leaf.bytes, PS_HASH_SIZE), "leaf_0");
    cr_assert_eq(ps_changes_next(&changes.entries, &entry), P2PSYNC_OK);
    cr_assert_not(entry.has_body);
    leaf = ps_change_leaf(&entry);
    cr_bytes(ps_bytes(leaf.bytes, PS_HASH_SIZE), "leaf_1");
    cr_assert_eq(ps_changes_next(&changes.entries, &entry), P2PSYNC_ENOTFOUND);
}

Test(vectors, pairing_code_has_the_values_of_its_vector)
{
    struct ps_pairing_code code;
    char text[PS_PAIRING_CODE_SIZE_MAX] = {0};
    vector_read(&vector, "pairing_code");
    struct ps_bytes given = vector_get(&vector, "code");
    memcpy(text, given.data, given.size);
    cr_assert_eq(ps_pairing_code_decode(text, &code), P2PSYNC_OK);
    cr_assert_eq(code.endpoint_count, 3);
    cr_bytes(ps_bytes(code.device.key, PS_DEVICE_SIZE), "device");
    cr_bytes(ps_bytes(code.token, PS_TOKEN_SIZE), "token");
    cr_bytes(ps_bytes_text(code.endpoints[0]), "endpoint_0");
    cr_bytes(ps_bytes_text(code.endpoints[1]), "endpoint_1");
    cr_bytes(ps_bytes_text(code.endpoints[2]), "endpoint_2");
    cr_assert_eq(ps_pairing_code_encode(&code, text), P2PSYNC_OK);
    cr_bytes(ps_bytes_text(text), "code");
}

Test(vectors, recovery_code_has_the_values_of_its_vector)
{
    uint8_t secret[PS_RECOVERY_SIZE];
    uint8_t key[PS_RECOVERY_KEY_SIZE];
    uint8_t nonce[PS_MESH_NONCE_SIZE];
    struct ps_device device;
    const char *why = NULL;
    char text[PS_RECOVERY_CODE_SIZE] = {0};
    vector_read(&vector, "recovery_code");
    struct ps_bytes given = vector_get(&vector, "code");
    cr_assert_lt(given.size, sizeof text);
    memcpy(text, given.data, given.size);
    cr_assert_eq(ps_recovery_code_decode(text, secret, &why), P2PSYNC_OK, "%s", why);
    cr_bytes(ps_bytes(secret, sizeof secret), "secret");
    cr_assert(ps_recovery_code_key(secret, key));
    cr_bytes(ps_bytes(key, PS_SEED_SIZE), "seed");
    cr_bytes(ps_bytes(key + PS_SEED_SIZE, PS_DEVICE_SIZE), "key");
    memcpy(device.key, key + PS_SEED_SIZE, PS_DEVICE_SIZE);
    ps_mesh_recovery_nonce(&device, nonce);
    cr_bytes(ps_bytes(nonce, sizeof nonce), "nonce");
    ps_recovery_code_encode(secret, text);
    cr_bytes(ps_bytes_text(text), "code");
    given = vector_get(&vector, "not_valid");
    memcpy(text, given.data, given.size);
    cr_assert_eq(ps_recovery_code_decode(text, secret, &why), P2PSYNC_EFORMAT);
    cr_assert_str_eq(why, "p2psync has not made it");
}

Test(vectors, dots_are_read_as_their_vectors_say)
{
    struct ps_dot dot;
    vector_read(&vector, "dots");
    for (size_t i = 0; i < vector.count; i++) {
        bool is_dot = strncmp(vector.name[i], "dot_", strlen("dot_")) == 0;
        struct ps_bytes text = ps_buf_view(&vector.value[i]);
        cr_expect_eq(ps_dot_parse(text, &dot), is_dot ? P2PSYNC_OK : P2PSYNC_EFORMAT, "%s",
                     vector.name[i]);
    }
    cr_assert_eq(ps_dot_parse(vector_get(&vector, "dot_1"), &dot), P2PSYNC_OK);
    cr_assert_eq(dot.seq, 7);
}
