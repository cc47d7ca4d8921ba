import Glibc
import ModelEvaluator

exit(EvaluatorProgram.run())
