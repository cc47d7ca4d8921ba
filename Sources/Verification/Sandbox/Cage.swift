import CConfinement
package import EvaluationProtocol
import Glibc

/// Confines this process for good, so that whatever takes it over holds nothing but the files of one job.
package enum Cage {
    /// Closes every file but standard input, output and error: what a parent left open is not ours to hold.
    package static func closeInheritedFiles() throws(EvaluationFailure) {
        // Kernels before 5.9 lack the call; there the parent's own care is all there is.
        guard assay_close_from(UInt32(STDERR_FILENO) + 1) == 0 || errno == ENOSYS else {
            throw .confining("no inherited files")
        }
    }

    /// Closes all layers, one after the other, and says which ones there are.
    ///
    /// `readable` are files, and folders with all beneath them, that may be read from now on, beside what the loader
    /// and the runtime need of the system; one that is not there is passed over. Nothing may be written but open files.
    /// Throws if a layer that the kernel has cannot be closed: the process must end then. It has one thread only,
    /// because Landlock confines the thread that calls it.
    package static func close(
        _ limits: EvaluationLimits, readable: [String]
    ) throws(EvaluationFailure) -> EvaluationCage {
        try requireOneThread()
        var cage = EvaluationCage()
        // Variables that there were stay in memory, wherever the list of them points to.
        cage.note(.environment, isClosed: assay_has_environment() == 0)
        guard clearenv() == 0 else { throw .confining("an empty environment") }
        cage.note(.session, isClosed: getsid(0) == getpid() && getpgrp() == getpid())
        try ProcessLimits.apply(limits)
        cage.note(.resourceLimits, isClosed: true)
        try Privileges.giveUp()
        cage.note(.noNewPrivileges, isClosed: true)
        cage.note(.capabilities, isClosed: true)
        try Landlock.close(readable: readable, noting: &cage)
        cage.note(.seccomp, isClosed: try SystemCallFilter.load())
        return cage
    }

    private static func requireOneThread() throws(EvaluationFailure) {
        var status = stat()
        // A folder has a link from its parent, one from itself, and one from each folder in it: the threads.
        guard stat("/proc/self/task", &status) == 0 else { throw .confining("a count of threads") }
        guard status.st_nlink == 3 else {
            throw EvaluationFailure(.internal, "the cage is not closed: there is more than one thread")
        }
    }
}
