"""`python -m reid_pipeline.cli`, for where the program is not on the path."""

import sys

from reid_pipeline.cli.app import main

sys.exit(main())
