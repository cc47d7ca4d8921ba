import CSeccomp
import EvaluationProtocol
import Glibc

/// The filter of system calls: what computing and reading need is allowed, what could reach others ends the process,
/// and all else fails as if the kernel did not have it, so that a library falls back or gives up.
enum SystemCallFilter {
    /// Loads the filter for good; false if the kernel has none.
    static func load() throws(EvaluationFailure) -> Bool {
        guard let filter = seccomp_init(assay_seccomp_no_such_call()) else {
            throw .confining("a filter", errno: ENOMEM)
        }
        defer { seccomp_release(filter) }
        for name in Calls.allowed { try add(assay_seccomp_allow(), name, [], to: filter) }
        for name in Calls.deadly { try add(assay_seccomp_kill(), name, [], to: filter) }
        for rule in Calls.allowedIf { try add(assay_seccomp_allow(), rule.name, [rule.condition], to: filter) }
        for rule in Calls.deadlyIf { try add(assay_seccomp_kill(), rule.name, [rule.condition], to: filter) }
        // Threads that a parent's mistake left are filtered too, and errors come as the kernel gives them.
        try set(SCMP_FLTATR_CTL_TSYNC, 1, on: filter)
        try set(SCMP_FLTATR_API_SYSRAWRC, 1, on: filter)
        // A tree in place of a list: the cost of a call does not grow with the number of rules.
        try set(SCMP_FLTATR_CTL_OPTIMIZE, 2, on: filter)
        let code = -seccomp_load(filter)
        guard code != 0 else { return true }
        guard code == ENOSYS || code == EINVAL else { throw .confining("the filter of system calls", errno: code) }
        return false
    }

    private static func set(
        _ attribute: scmp_filter_attr, _ value: UInt32, on filter: scmp_filter_ctx
    ) throws(EvaluationFailure) {
        let code = -seccomp_attr_set(filter, attribute, value)
        guard code == 0 else { throw .confining("the filter of system calls", errno: code) }
    }

    private static func add(
        _ action: UInt32, _ name: String, _ conditions: [scmp_arg_cmp], to filter: scmp_filter_ctx
    ) throws(EvaluationFailure) {
        let number = seccomp_syscall_resolve_name(name)
        // A call that this architecture or this library does not know stays as all else: without effect.
        guard number != __NR_SCMP_ERROR else { return }
        let code = -seccomp_rule_add_array(filter, action, number, UInt32(conditions.count), conditions)
        guard code == 0 else { throw .confining("the rule for '\(name)'", errno: code) }
    }
}
