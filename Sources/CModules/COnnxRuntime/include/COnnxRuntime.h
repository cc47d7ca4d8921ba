// The part of the ONNX Runtime C interface that Assay calls.
//
// The interface is a table of function pointers that only grows: a slot keeps its number for ever. The table below
// names the slots in use and pads over the others; the assertions at the end hold it to the numbers. Nothing is linked,
// the table comes from a library that is loaded at run time.
//
// Ownership: what an `ort_create_*` or `ort_run` stores is freed by the `ort_release_*` of its type, every non-NULL
// status by `ort_release_status`. Everything else that is returned is borrowed.

#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorInfo OrtTensorInfo;
typedef struct OrtValue OrtValue;

// The version of the table that is asked for; a library older than it answers NULL.
#define ORT_TABLE_VERSION 16

#define ORT_LOG_FATAL 4
#define ORT_EXECUTION_SEQUENTIAL 0
#define ORT_OPTIMISATION_ALL 99
#define ORT_ALLOCATOR_ARENA 1
#define ORT_MEMORY_DEFAULT 0
#define ORT_TYPE_TENSOR 1
#define ORT_TYPE_SEQUENCE 2
#define ORT_TYPE_MAP 3
#define ORT_ELEMENT_STRING 8

#define ORT_PAD(first, count) void *unused##first[count];

typedef struct OrtTable {
    ORT_PAD(0, 1)
    int (*get_error_code)(const OrtStatus *);
    const char *(*get_error_message)(const OrtStatus *);
    OrtStatus *(*create_env)(int level, const char *name, OrtEnv **env);
    ORT_PAD(4, 2)
    OrtStatus *(*disable_telemetry)(const OrtEnv *);
    OrtStatus *(*create_session)(const OrtEnv *, const char *path, const OrtSessionOptions *, OrtSession **);
    ORT_PAD(8, 1)
    OrtStatus *(*run)(
        OrtSession *, const OrtRunOptions *, const char *const *input_names, const OrtValue *const *inputs,
        size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs);
    OrtStatus *(*create_session_options)(OrtSessionOptions **);
    ORT_PAD(11, 2)
    OrtStatus *(*set_execution_mode)(OrtSessionOptions *, int mode);
    ORT_PAD(14, 8)
    OrtStatus *(*set_log_severity)(OrtSessionOptions *, int level);
    OrtStatus *(*set_optimisation)(OrtSessionOptions *, int level);
    OrtStatus *(*set_intra_op_threads)(OrtSessionOptions *, int count);
    OrtStatus *(*set_inter_op_threads)(OrtSessionOptions *, int count);
    ORT_PAD(26, 4)
    OrtStatus *(*get_input_count)(const OrtSession *, size_t *);
    OrtStatus *(*get_output_count)(const OrtSession *, size_t *);
    ORT_PAD(32, 1)
    OrtStatus *(*get_input_type)(const OrtSession *, size_t index, OrtTypeInfo **);
    OrtStatus *(*get_output_type)(const OrtSession *, size_t index, OrtTypeInfo **);
    ORT_PAD(35, 1)
    OrtStatus *(*get_input_name)(const OrtSession *, size_t index, OrtAllocator *, char **);
    OrtStatus *(*get_output_name)(const OrtSession *, size_t index, OrtAllocator *, char **);
    ORT_PAD(38, 10)
    OrtStatus *(*create_tensor)(OrtAllocator *, const int64_t *shape, size_t rank, int element_type, OrtValue **);
    OrtStatus *(*create_tensor_over_data)(
        const OrtMemoryInfo *, void *data, size_t bytes, const int64_t *shape, size_t rank, int element_type,
        OrtValue **);
    OrtStatus *(*is_tensor)(const OrtValue *, int *);
    OrtStatus *(*get_tensor_data)(OrtValue *, void **);
    OrtStatus *(*fill_strings)(OrtValue *, const char *const *strings, size_t count);
    OrtStatus *(*get_strings_length)(const OrtValue *, size_t *);
    OrtStatus *(*get_strings)(const OrtValue *, void *bytes, size_t length, size_t *offsets, size_t count);
    OrtStatus *(*cast_type_to_tensor)(const OrtTypeInfo *, const OrtTensorInfo **);
    OrtStatus *(*get_type_kind)(const OrtTypeInfo *, int *);
    ORT_PAD(57, 3)
    OrtStatus *(*get_element_type)(const OrtTensorInfo *, int *);
    OrtStatus *(*get_rank)(const OrtTensorInfo *, size_t *);
    OrtStatus *(*get_dimensions)(const OrtTensorInfo *, int64_t *, size_t rank);
    ORT_PAD(63, 1)
    OrtStatus *(*get_element_count)(const OrtTensorInfo *, size_t *);
    OrtStatus *(*get_tensor_info)(const OrtValue *, OrtTensorInfo **);
    ORT_PAD(66, 1)
    OrtStatus *(*get_value_kind)(const OrtValue *, int *);
    ORT_PAD(68, 1)
    OrtStatus *(*create_cpu_memory_info)(int allocator, int memory, OrtMemoryInfo **);
    ORT_PAD(70, 6)
    OrtStatus *(*allocator_free)(OrtAllocator *, void *);
    ORT_PAD(77, 1)
    OrtStatus *(*get_default_allocator)(OrtAllocator **);
    ORT_PAD(79, 1)
    OrtStatus *(*get_value)(const OrtValue *, int index, OrtAllocator *, OrtValue **);
    OrtStatus *(*get_value_count)(const OrtValue *, size_t *);
    ORT_PAD(82, 10)
    void (*release_env)(OrtEnv *);
    void (*release_status)(OrtStatus *);
    void (*release_memory_info)(OrtMemoryInfo *);
    void (*release_session)(OrtSession *);
    void (*release_value)(OrtValue *);
    void (*release_run_options)(OrtRunOptions *);
    void (*release_type)(OrtTypeInfo *);
    void (*release_tensor_info)(OrtTensorInfo *);
    void (*release_session_options)(OrtSessionOptions *);
} OrtTable;

#undef ORT_PAD

// What the library's one exported function returns.
typedef struct OrtBase {
    const OrtTable *(*get_table)(uint32_t version);
    const char *(*get_version)(void);
} OrtBase;

#define ORT_BASE_SYMBOL "OrtGetApiBase"
typedef const OrtBase *(*OrtGetBase)(void);

#define ORT_ASSERT_SLOT(member, number) \
    _Static_assert(offsetof(OrtTable, member) == (number) * sizeof(void *), #member " is not slot " #number);
ORT_ASSERT_SLOT(get_error_code, 1)
ORT_ASSERT_SLOT(create_env, 3)
ORT_ASSERT_SLOT(disable_telemetry, 6)
ORT_ASSERT_SLOT(create_session, 7)
ORT_ASSERT_SLOT(run, 9)
ORT_ASSERT_SLOT(create_session_options, 10)
ORT_ASSERT_SLOT(set_execution_mode, 13)
ORT_ASSERT_SLOT(set_log_severity, 22)
ORT_ASSERT_SLOT(set_intra_op_threads, 24)
ORT_ASSERT_SLOT(get_input_count, 30)
ORT_ASSERT_SLOT(get_input_type, 33)
ORT_ASSERT_SLOT(get_input_name, 36)
ORT_ASSERT_SLOT(create_tensor, 48)
ORT_ASSERT_SLOT(create_tensor_over_data, 49)
ORT_ASSERT_SLOT(get_tensor_data, 51)
ORT_ASSERT_SLOT(fill_strings, 52)
ORT_ASSERT_SLOT(get_strings, 54)
ORT_ASSERT_SLOT(cast_type_to_tensor, 55)
ORT_ASSERT_SLOT(get_element_type, 60)
ORT_ASSERT_SLOT(get_dimensions, 62)
ORT_ASSERT_SLOT(get_element_count, 64)
ORT_ASSERT_SLOT(get_tensor_info, 65)
ORT_ASSERT_SLOT(get_value_kind, 67)
ORT_ASSERT_SLOT(create_cpu_memory_info, 69)
ORT_ASSERT_SLOT(allocator_free, 76)
ORT_ASSERT_SLOT(get_default_allocator, 78)
ORT_ASSERT_SLOT(get_value, 80)
ORT_ASSERT_SLOT(get_value_count, 81)
ORT_ASSERT_SLOT(release_env, 92)
ORT_ASSERT_SLOT(release_session_options, 100)
#undef ORT_ASSERT_SLOT

// Swift sees every member of the table as an optional function; these are the calls without that question.

static inline const OrtBase *ort_call_get_base(void *symbol) { return ((OrtGetBase)symbol)(); }
static inline const OrtTable *ort_get_table(const OrtBase *b) { return b->get_table(ORT_TABLE_VERSION); }
static inline const char *ort_get_version(const OrtBase *b) { return b->get_version(); }

static inline int ort_get_error_code(const OrtTable *t, const OrtStatus *s) { return t->get_error_code(s); }
static inline const char *ort_get_error_message(const OrtTable *t, const OrtStatus *s) {
    return t->get_error_message(s);
}

static inline OrtStatus *ort_create_env(const OrtTable *t, int level, const char *name, OrtEnv **env) {
    return t->create_env(level, name, env);
}
static inline OrtStatus *ort_disable_telemetry(const OrtTable *t, const OrtEnv *e) { return t->disable_telemetry(e); }
static inline OrtStatus *ort_create_session(
    const OrtTable *t, const OrtEnv *e, const char *path, const OrtSessionOptions *o, OrtSession **session) {
    return t->create_session(e, path, o, session);
}
static inline OrtStatus *ort_run(
    const OrtTable *t, OrtSession *s, const char *const *input_names, const OrtValue *const *inputs,
    size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs) {
    return t->run(s, NULL, input_names, inputs, input_count, output_names, output_count, outputs);
}

static inline OrtStatus *ort_create_session_options(const OrtTable *t, OrtSessionOptions **o) {
    return t->create_session_options(o);
}
static inline OrtStatus *ort_set_execution_mode(const OrtTable *t, OrtSessionOptions *o, int mode) {
    return t->set_execution_mode(o, mode);
}
static inline OrtStatus *ort_set_log_severity(const OrtTable *t, OrtSessionOptions *o, int level) {
    return t->set_log_severity(o, level);
}
static inline OrtStatus *ort_set_optimisation(const OrtTable *t, OrtSessionOptions *o, int level) {
    return t->set_optimisation(o, level);
}
static inline OrtStatus *ort_set_intra_op_threads(const OrtTable *t, OrtSessionOptions *o, int count) {
    return t->set_intra_op_threads(o, count);
}
static inline OrtStatus *ort_set_inter_op_threads(const OrtTable *t, OrtSessionOptions *o, int count) {
    return t->set_inter_op_threads(o, count);
}

static inline OrtStatus *ort_get_input_count(const OrtTable *t, const OrtSession *s, size_t *count) {
    return t->get_input_count(s, count);
}
static inline OrtStatus *ort_get_output_count(const OrtTable *t, const OrtSession *s, size_t *count) {
    return t->get_output_count(s, count);
}
static inline OrtStatus *ort_get_input_type(const OrtTable *t, const OrtSession *s, size_t index, OrtTypeInfo **type) {
    return t->get_input_type(s, index, type);
}
static inline OrtStatus *ort_get_output_type(const OrtTable *t, const OrtSession *s, size_t index, OrtTypeInfo **type) {
    return t->get_output_type(s, index, type);
}
static inline OrtStatus *ort_get_input_name(
    const OrtTable *t, const OrtSession *s, size_t index, OrtAllocator *a, char **name) {
    return t->get_input_name(s, index, a, name);
}
static inline OrtStatus *ort_get_output_name(
    const OrtTable *t, const OrtSession *s, size_t index, OrtAllocator *a, char **name) {
    return t->get_output_name(s, index, a, name);
}

// Borrows the data: it must outlive the value.
static inline OrtStatus *ort_create_tensor_over_data(
    const OrtTable *t, const OrtMemoryInfo *m, void *data, size_t bytes, const int64_t *shape, size_t rank,
    int element_type, OrtValue **value) {
    return t->create_tensor_over_data(m, data, bytes, shape, rank, element_type, value);
}
static inline OrtStatus *ort_is_tensor(const OrtTable *t, const OrtValue *v, int *answer) {
    return t->is_tensor(v, answer);
}
static inline OrtStatus *ort_get_tensor_data(const OrtTable *t, OrtValue *v, void **data) {
    return t->get_tensor_data(v, data);
}
static inline OrtStatus *ort_cast_type_to_tensor(const OrtTable *t, const OrtTypeInfo *y, const OrtTensorInfo **info) {
    return t->cast_type_to_tensor(y, info);
}
static inline OrtStatus *ort_get_type_kind(const OrtTable *t, const OrtTypeInfo *y, int *kind) {
    return t->get_type_kind(y, kind);
}
static inline OrtStatus *ort_get_element_type(const OrtTable *t, const OrtTensorInfo *i, int *type) {
    return t->get_element_type(i, type);
}
static inline OrtStatus *ort_get_rank(const OrtTable *t, const OrtTensorInfo *i, size_t *rank) {
    return t->get_rank(i, rank);
}
static inline OrtStatus *ort_get_dimensions(const OrtTable *t, const OrtTensorInfo *i, int64_t *sizes, size_t rank) {
    return t->get_dimensions(i, sizes, rank);
}
static inline OrtStatus *ort_get_element_count(const OrtTable *t, const OrtTensorInfo *i, size_t *count) {
    return t->get_element_count(i, count);
}
static inline OrtStatus *ort_get_tensor_info(const OrtTable *t, const OrtValue *v, OrtTensorInfo **info) {
    return t->get_tensor_info(v, info);
}

static inline OrtStatus *ort_create_string_tensor(
    const OrtTable *t, OrtAllocator *a, const int64_t *shape, size_t rank, OrtValue **value) {
    return t->create_tensor(a, shape, rank, ORT_ELEMENT_STRING, value);
}
static inline OrtStatus *ort_fill_strings(const OrtTable *t, OrtValue *v, const char *const *strings, size_t count) {
    return t->fill_strings(v, strings, count);
}
// The bytes of all strings together; none of them ends with a zero byte.
static inline OrtStatus *ort_get_strings_length(const OrtTable *t, const OrtValue *v, size_t *length) {
    return t->get_strings_length(v, length);
}
static inline OrtStatus *ort_get_strings(
    const OrtTable *t, const OrtValue *v, void *bytes, size_t length, size_t *offsets, size_t count) {
    return t->get_strings(v, bytes, length, offsets, count);
}
static inline OrtStatus *ort_get_value_kind(const OrtTable *t, const OrtValue *v, int *kind) {
    return t->get_value_kind(v, kind);
}
// Of a sequence: an element. Of a map: its keys at 0, its values at 1. A value of its own, to be released.
static inline OrtStatus *ort_get_value(
    const OrtTable *t, const OrtValue *v, int index, OrtAllocator *a, OrtValue **value) {
    return t->get_value(v, index, a, value);
}
static inline OrtStatus *ort_get_value_count(const OrtTable *t, const OrtValue *v, size_t *count) {
    return t->get_value_count(v, count);
}

static inline OrtStatus *ort_create_cpu_memory_info(const OrtTable *t, OrtMemoryInfo **info) {
    return t->create_cpu_memory_info(ORT_ALLOCATOR_ARENA, ORT_MEMORY_DEFAULT, info);
}
static inline OrtStatus *ort_allocator_free(const OrtTable *t, OrtAllocator *a, void *memory) {
    return t->allocator_free(a, memory);
}
static inline OrtStatus *ort_get_default_allocator(const OrtTable *t, OrtAllocator **a) {
    return t->get_default_allocator(a);
}

static inline void ort_release_env(const OrtTable *t, OrtEnv *e) { t->release_env(e); }
static inline void ort_release_status(const OrtTable *t, OrtStatus *s) { t->release_status(s); }
static inline void ort_release_memory_info(const OrtTable *t, OrtMemoryInfo *m) { t->release_memory_info(m); }
static inline void ort_release_session(const OrtTable *t, OrtSession *s) { t->release_session(s); }
static inline void ort_release_value(const OrtTable *t, OrtValue *v) { t->release_value(v); }
static inline void ort_release_type(const OrtTable *t, OrtTypeInfo *y) { t->release_type(y); }
static inline void ort_release_tensor_info(const OrtTable *t, OrtTensorInfo *i) { t->release_tensor_info(i); }
static inline void ort_release_session_options(const OrtTable *t, OrtSessionOptions *o) {
    t->release_session_options(o);
}
