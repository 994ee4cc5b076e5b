"""An app for real `runscheduler` processes, whose loop hangs or dies where LOOP says so."""
